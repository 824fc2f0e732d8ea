#include "document.hpp"

#include <simdjson.h>

#include <cstring>

#include "compare.hpp"
#include "text.hpp"

namespace fwb {

namespace {

inline bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }
inline bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

struct Document::Finder {
  std::unique_ptr<simdjson::internal::dom_parser_implementation> stage;
  size_t capacity = 0;

  bool reserve(size_t size) {
    if (size <= capacity && stage) return true;
    size_t wanted = capacity < 4096 ? 4096 : capacity;
    while (wanted < size) wanted *= 2;
    if (wanted > simdjson::SIMDJSON_MAXSIZE_BYTES) return false;
    stage.reset();
    if (simdjson::get_active_implementation()->create_dom_parser_implementation(
            wanted, kMaxDepth, stage) != simdjson::SUCCESS) {
      capacity = 0;
      return false;
    }
    capacity = wanted;
    return true;
  }
};

Document::Document() : finder_(new Finder) {}
Document::~Document() = default;

Document::Outcome Document::fail(Outcome outcome, const char* problem, size_t at) {
  problem_ = problem;
  problem_at_ = at;
  return outcome;
}

bool Document::scan(const char* text, size_t size) {
  text_ = text;
  size_ = size;
  count_ = 0;
  raw_controls_ = false;
  if (size == 0) {
    fail(Outcome::kBroken, "there is no text", 0);
    return false;
  }
  if (!finder_->reserve(size)) {
    fail(Outcome::kBroken, "the text is too long", 0);
    return false;
  }
  auto& stage = *finder_->stage;
  auto code = stage.stage1(reinterpret_cast<const uint8_t*>(text), size,
                           simdjson::stage1_mode::regular);
  if (code == simdjson::UNESCAPED_CHARS) return scan_with_controls(text, size);
  // Bytes that are not UTF-8 are told apart only after the tokens are found; they pass, as they
  // do upstream, and reach whoever asks for the value.
  if (code != simdjson::SUCCESS && code != simdjson::UTF8_ERROR) {
    if (code == simdjson::UNCLOSED_STRING) {
      fail(Outcome::kIncomplete, "a string has no end", size);
    } else if (code == simdjson::EMPTY) {
      fail(Outcome::kBroken, "there is no text", 0);
    } else {
      fail(Outcome::kBroken, "the text cannot be read as JSON", 0);
    }
    return false;
  }
  index_ = stage.structural_indexes.get();
  count_ = stage.n_structural_indexes;
  if (skip_.size() < count_ + 1) skip_.resize(count_ + count_ / 2 + 64);
  return true;
}

// Raw control characters inside strings are not JSON, but upstream's reader lets them pass. The
// tokens are found on a copy in which they are spaces; values are still read from the original.
bool Document::scan_with_controls(const char* text, size_t size) {
  raw_controls_ = true;
  masked_.assign(text, size);
  bool in_string = false;
  for (size_t i = 0; i < size; ++i) {
    char c = masked_[i];
    if (in_string) {
      if (c == '\\') {
        ++i;
        if (i < size && static_cast<unsigned char>(masked_[i]) < 0x20) masked_[i] = ' ';
      } else if (c == '"') {
        in_string = false;
      } else if (static_cast<unsigned char>(c) < 0x20) {
        masked_[i] = ' ';
      }
    } else if (c == '"') {
      in_string = true;
    }
  }
  auto& stage = *finder_->stage;
  auto code = stage.stage1(reinterpret_cast<const uint8_t*>(masked_.data()), size,
                           simdjson::stage1_mode::regular);
  if (code != simdjson::SUCCESS && code != simdjson::UTF8_ERROR) {
    fail(in_string ? Outcome::kIncomplete : Outcome::kBroken,
         in_string ? "a string has no end" : "the text cannot be read as JSON", size);
    return false;
  }
  index_ = stage.structural_indexes.get();
  count_ = stage.n_structural_indexes;
  if (skip_.size() < count_ + 1) skip_.resize(count_ + count_ / 2 + 64);
  return true;
}

std::string_view Document::raw(uint32_t token) const {
  size_t start = index_[token];
  if (is_container(token)) {
    return {text_ + start, index_[skip_[token]] + 1 - start};
  }
  size_t stop = token + 1 < count_ ? index_[token + 1] : size_;
  while (stop > start + 1 && is_space(text_[stop - 1])) --stop;
  return {text_ + start, stop - start};
}

bool Document::valid_number(uint32_t token) const {
  std::string_view s = raw(token);
  size_t i = 0;
  auto digits = [&] {
    size_t from = i;
    while (i < s.size() && is_digit(s[i])) ++i;
    return i > from;
  };
  if (s[0] == '-') ++i;
  if (i < s.size() && s[i] == '0') {
    ++i;
  } else if (!digits()) {
    return false;
  }
  if (i < s.size() && s[i] == '.') {
    ++i;
    if (!digits()) return false;
  }
  if (i < s.size() && (s[i] == 'e' || s[i] == 'E')) {
    ++i;
    if (i < s.size() && (s[i] == '+' || s[i] == '-')) ++i;
    if (!digits()) return false;
  }
  return i == s.size();
}

Document::Outcome Document::read(uint32_t from, uint32_t* next) {
  uint32_t open[kMaxDepth];
  uint32_t depth = 0;
  uint32_t i = from;
  const char* text = text_;
  const uint32_t* index = index_;
  const uint32_t count = count_;

value:
  if (i >= count) return fail(Outcome::kIncomplete, "the text ends too early", size_);
  switch (text[index[i]]) {
    case '{':
      if (depth == kMaxDepth) return fail(Outcome::kBroken, "nested too deeply", index[i]);
      open[depth++] = i++;
      if (i < count && text[index[i]] == '}') goto close;
      goto key;
    case '[':
      if (depth == kMaxDepth) return fail(Outcome::kBroken, "nested too deeply", index[i]);
      open[depth++] = i++;
      if (i < count && text[index[i]] == ']') goto close;
      goto value;
    case '"':
      ++i;
      goto after;
    case 't':
      if (raw(i) != "true") return fail(Outcome::kBroken, "expected a value", index[i]);
      ++i;
      goto after;
    case 'f':
      if (raw(i) != "false") return fail(Outcome::kBroken, "expected a value", index[i]);
      ++i;
      goto after;
    case 'n':
      if (raw(i) != "null") return fail(Outcome::kBroken, "expected a value", index[i]);
      ++i;
      goto after;
    default:
      if (!(text[index[i]] == '-' || is_digit(text[index[i]])) || !valid_number(i)) {
        return fail(Outcome::kBroken, "expected a value", index[i]);
      }
      ++i;
      goto after;
  }

key:
  // Most members are a name and a string.
  while (i + 3 < count && text[index[i]] == '"' && text[index[i + 1]] == ':' &&
         text[index[i + 2]] == '"') {
    char c = text[index[i + 3]];
    if (c != ',') {
      if (c != '}') break;
      i += 3;
      goto close;
    }
    i += 4;
  }
  if (i >= count) return fail(Outcome::kIncomplete, "the text ends too early", size_);
  if (text[index[i]] != '"') return fail(Outcome::kBroken, "expected a key", index[i]);
  if (i + 1 >= count) return fail(Outcome::kIncomplete, "the text ends too early", size_);
  if (text[index[i + 1]] != ':') return fail(Outcome::kBroken, "expected ':'", index[i + 1]);
  i += 2;
  goto value;

after:
  if (depth == 0) {
    *next = i;
    return Outcome::kWhole;
  }
  if (i >= count) return fail(Outcome::kIncomplete, "the text ends too early", size_);
  {
    char c = text[index[i]];
    bool object = text[index[open[depth - 1]]] == '{';
    if (c == ',') {
      ++i;
      if (object) goto key;
      goto value;
    }
    if (c == (object ? '}' : ']')) goto close;
    return fail(Outcome::kBroken, object ? "expected ',' or '}'" : "expected ',' or ']'",
                index[i]);
  }

close:
  skip_[open[--depth]] = i++;
  goto after;
}

bool Document::parse(const char* text, size_t size) {
  uint32_t next = 0;
  if (!scan(text, size)) return false;
  if (read(0, &next) != Outcome::kWhole) return false;
  if (next != count_) {
    fail(Outcome::kBroken, "more text after the end", index_[next]);
    return false;
  }
  return true;
}

uint32_t Document::get_member(uint32_t object, std::string_view key) const {
  uint32_t found = kNone;
  members(object, [&](uint32_t at, uint32_t value) {
    std::string_view written = name(at);
    bool same = written.size() == key.size() && same_bytes(written.data(), key.data(), key.size());
    if (!same && written.size() > key.size() && memchr(written.data(), '\\', written.size())) {
      same = unescaped(written) == key;
    }
    if (same) found = value;
    return !same;
  });
  return found;
}

uint32_t Document::element(uint32_t array, uint64_t position) const {
  uint32_t found = kNone;
  uint64_t at = 0;
  elements(array, [&](uint32_t value) {
    if (at++ != position) return true;
    found = value;
    return false;
  });
  return found;
}

size_t compact(const char* text, size_t size, char* out) {
  size_t length = 0;
  return simdjson::minify(text, size, out, length) == simdjson::SUCCESS ? length : 0;
}

int64_t array_position(std::string_view key) {
  size_t i = !key.empty() && (key[0] == '+' || key[0] == '-') ? 1 : 0;
  if (i == key.size() || key.size() > 18) return -1;
  int64_t value = 0;
  for (; i < key.size(); ++i) {
    if (!is_digit(key[i])) return -1;
    value = value * 10 + (key[i] - '0');
  }
  return key[0] == '-' && value != 0 ? -1 : value;
}

uint32_t Document::get(uint32_t token, std::string_view key) const {
  if (token == kNone) return kNone;
  if (is_object(token)) return get_member(token, key);
  if (is_array(token)) {
    int64_t position = array_position(key);
    return position < 0 ? kNone : element(token, static_cast<uint64_t>(position));
  }
  return kNone;
}

}  // namespace fwb
