#include "text.hpp"

#include <cstring>

namespace fwb {

namespace {

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

int hex4(std::string_view s, size_t at) {
  if (at + 4 > s.size()) return -1;
  int value = 0;
  for (size_t i = at; i < at + 4; ++i) {
    int digit = hex(s[i]);
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

size_t put_utf8(uint32_t rune, char* out) {
  if (rune < 0x80) {
    out[0] = static_cast<char>(rune);
    return 1;
  }
  if (rune < 0x800) {
    out[0] = static_cast<char>(0xC0 | (rune >> 6));
    out[1] = static_cast<char>(0x80 | (rune & 0x3F));
    return 2;
  }
  if (rune < 0x10000) {
    out[0] = static_cast<char>(0xE0 | (rune >> 12));
    out[1] = static_cast<char>(0x80 | ((rune >> 6) & 0x3F));
    out[2] = static_cast<char>(0x80 | (rune & 0x3F));
    return 3;
  }
  out[0] = static_cast<char>(0xF0 | (rune >> 18));
  out[1] = static_cast<char>(0x80 | ((rune >> 12) & 0x3F));
  out[2] = static_cast<char>(0x80 | ((rune >> 6) & 0x3F));
  out[3] = static_cast<char>(0x80 | (rune & 0x3F));
  return 4;
}

// Decodes \uXXXX at `at` (which points behind the 'u'); returns how much input it took, and 0 if
// it is no such escape. A surrogate without its pair is none; a bad pair is U+FFFD.
size_t decode_u(std::string_view s, size_t at, char* out, size_t* written) {
  int unit = hex4(s, at);
  if (unit < 0) return 0;
  if (unit < 0xD800 || unit > 0xDFFF) {
    *written = put_utf8(static_cast<uint32_t>(unit), out);
    return 4;
  }
  if (at + 10 > s.size() || s[at + 4] != '\\' || s[at + 5] != 'u') return 0;
  int low = hex4(s, at + 6);
  if (low < 0) return 0;
  uint32_t rune = 0xFFFD;
  if (unit < 0xDC00 && low >= 0xDC00 && low <= 0xDFFF) {
    rune = 0x10000 + ((static_cast<uint32_t>(unit) - 0xD800) << 10) +
           (static_cast<uint32_t>(low) - 0xDC00);
  }
  *written = put_utf8(rune, out);
  return 10;
}

}  // namespace

size_t unescape(std::string_view s, char* out) {
  size_t n = 0;
  size_t i = 0;
  while (i < s.size()) {
    const void* found = memchr(s.data() + i, '\\', s.size() - i);
    size_t stop = found ? static_cast<size_t>(static_cast<const char*>(found) - s.data()) : s.size();
    memcpy(out + n, s.data() + i, stop - i);
    n += stop - i;
    i = stop;
    if (i + 1 >= s.size()) {
      if (i < s.size()) out[n++] = s[i++];
      continue;
    }
    char c = s[i + 1];
    i += 2;
    switch (c) {
      case '"': case '\\': case '/': out[n++] = c; break;
      case 'b': out[n++] = '\b'; break;
      case 'f': out[n++] = '\f'; break;
      case 'n': out[n++] = '\n'; break;
      case 'r': out[n++] = '\r'; break;
      case 't': out[n++] = '\t'; break;
      case 'u': {
        size_t written = 0;
        size_t taken = decode_u(s, i, out + n, &written);
        if (taken) {
          n += written;
          i += taken;
          break;
        }
        out[n++] = '\\';
        out[n++] = 'u';
        break;
      }
      default:
        out[n++] = '\\';
        out[n++] = c;
    }
  }
  return n;
}

std::string unescaped(std::string_view written) {
  std::string out(written.size(), '\0');
  out.resize(unescape(written, out.data()));
  return out;
}

void append_compact(const Document& doc, uint32_t token, std::string& out) {
  if (!doc.is_container(token)) {
    out += doc.raw(token);
    return;
  }
  uint32_t last = doc.end(token);
  for (uint32_t i = token; i <= last; ++i) {
    char c = doc.first(i);
    if (c == '{' || c == '}' || c == '[' || c == ']' || c == ',' || c == ':') {
      out += c;
    } else {
      out += doc.raw(i);
    }
  }
}

void append_indented(const Document& doc, std::string& out) {
  size_t depth = 0;
  bool opened = false;
  auto new_line = [&] {
    out += '\n';
    out.append(2 * depth, ' ');
  };
  for (uint32_t i = 0; i < doc.tokens(); ++i) {
    char c = doc.first(i);
    bool closes = c == '}' || c == ']';
    if (opened && !closes) {
      ++depth;
      new_line();
    }
    switch (c) {
      case '{': case '[':
        out += c;
        break;
      case '}': case ']':
        if (!opened) {
          --depth;
          new_line();
        }
        out += c;
        break;
      case ',':
        out += c;
        new_line();
        break;
      case ':':
        out += ": ";
        break;
      default:
        out += doc.raw(i);
    }
    opened = c == '{' || c == '[';
  }
  // Spaces after the end are kept, those before the start are not.
  uint32_t last = doc.tokens() - 1;
  size_t stop = doc.position(last) + 1;
  char c = doc.first(last);
  if (c != '}' && c != ']') {
    std::string_view raw = doc.raw(last);
    stop = static_cast<size_t>(raw.data() + raw.size() - doc.text());
  }
  out.append(doc.text() + stop, doc.size() - stop);
}

namespace {

bool digits(std::string_view s, size_t at, size_t count, int* value) {
  if (at + count > s.size()) return false;
  *value = 0;
  for (size_t i = at; i < at + count; ++i) {
    if (s[i] < '0' || s[i] > '9') return false;
    *value = *value * 10 + (s[i] - '0');
  }
  return true;
}

// Days from 1970-01-01 of a date of the Gregorian calendar.
int64_t days_from_civil(int64_t y, int m, int d) {
  y -= m <= 2;
  int64_t era = (y >= 0 ? y : y - 399) / 400;
  int64_t yoe = y - era * 400;
  int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
  return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

int days_in_month(int y, int m) {
  static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
  return m == 2 && leap ? 29 : days[m - 1];
}

}  // namespace

bool read_time(std::string_view s, uint64_t* nanoseconds) {
  int y, mo, d, h, mi, sec;
  if (s.size() < 20 || !digits(s, 0, 4, &y) || s[4] != '-' || !digits(s, 5, 2, &mo) ||
      s[7] != '-' || !digits(s, 8, 2, &d) || s[10] != 'T' || !digits(s, 11, 2, &h) ||
      s[13] != ':' || !digits(s, 14, 2, &mi) || s[16] != ':' || !digits(s, 17, 2, &sec)) {
    return false;
  }
  if (mo < 1 || mo > 12 || d < 1 || d > days_in_month(y, mo) || h > 23 || mi > 59 || sec > 59) {
    return false;
  }
  size_t i = 19;
  int64_t fraction = 0;
  if (s[i] == '.' || s[i] == ',') {
    size_t from = ++i;
    int64_t scale = 100000000;
    for (; i < s.size() && s[i] >= '0' && s[i] <= '9'; ++i) {
      fraction += (s[i] - '0') * scale;
      scale /= 10;
    }
    if (i == from) return false;
  }
  int64_t offset = 0;
  if (i < s.size() && s[i] == 'Z') {
    ++i;
  } else {
    int oh, om;
    if (i + 6 > s.size() || (s[i] != '+' && s[i] != '-') || !digits(s, i + 1, 2, &oh) ||
        s[i + 3] != ':' || !digits(s, i + 4, 2, &om) || oh > 24 || om > 60) {
      return false;
    }
    offset = (oh * 3600 + om * 60) * (s[i] == '-' ? -1 : 1);
    i += 6;
  }
  if (i != s.size()) return false;
  int64_t seconds = days_from_civil(y, mo, d) * 86400 + h * 3600 + mi * 60 + sec - offset;
  // Nanoseconds of the years 1677 to 2262 fit; what does not fit is no time an event can have.
  if (seconds < 0 || seconds > INT64_C(9223372035)) return false;
  *nanoseconds = static_cast<uint64_t>(seconds) * 1000000000u + static_cast<uint64_t>(fraction);
  return true;
}

}  // namespace fwb
