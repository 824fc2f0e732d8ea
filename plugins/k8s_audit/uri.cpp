#include "uri.hpp"

namespace fwb_plugin {

namespace {

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool escapes_are_whole(std::string_view s) {
  for (size_t i = 0; i < s.size(); ++i) {
    if (s[i] != '%') continue;
    if (i + 2 >= s.size() || hex(s[i + 1]) < 0 || hex(s[i + 2]) < 0) return false;
    i += 2;
  }
  return true;
}

bool decode(std::string_view s, std::string* out) {
  if (!escapes_are_whole(s)) return false;
  out->clear();
  for (size_t i = 0; i < s.size(); ++i) {
    if (s[i] == '%') {
      *out += static_cast<char>(hex(s[i + 1]) * 16 + hex(s[i + 2]));
      i += 2;
    } else {
      *out += s[i] == '+' ? ' ' : s[i];
    }
  }
  return true;
}

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// Takes `scheme:` off the front. False if the URI begins with a colon.
bool take_scheme(std::string_view* rest, bool* has_scheme) {
  *has_scheme = false;
  for (size_t i = 0; i < rest->size(); ++i) {
    char c = (*rest)[i];
    if (is_letter(c)) continue;
    if ((c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.') {
      if (i == 0) return true;
      continue;
    }
    if (c != ':') return true;
    if (i == 0) return false;
    *has_scheme = true;
    rest->remove_prefix(i + 1);
    return true;
  }
  return true;
}

// Cuts the query out of a URI that is well formed.
bool query_of(std::string_view uri, std::string_view* query) {
  for (char c : uri) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return false;
  }
  size_t hash = uri.find('#');
  if (hash != std::string_view::npos) {
    if (!escapes_are_whole(uri.substr(hash + 1))) return false;
    uri = uri.substr(0, hash);
  }
  if (uri.empty()) return true;
  if (uri == "*") return true;
  bool has_scheme = false;
  if (!take_scheme(&uri, &has_scheme)) return false;
  size_t mark = uri.find('?');
  if (mark != std::string_view::npos) {
    *query = uri.substr(mark + 1);
    uri = uri.substr(0, mark);
  }
  if (uri.empty() || uri[0] != '/') {
    if (has_scheme) return true;  // opaque: nothing in it is looked at
    size_t colon = uri.find(':');
    if (colon != std::string_view::npos && colon < uri.find('/')) return false;
  }
  return escapes_are_whole(uri);
}

}  // namespace

bool query_parameter(std::string_view uri, std::string_view name, std::string* value) {
  std::string_view query;
  if (!query_of(uri, &query)) return false;
  bool found = false;
  std::string key;
  std::string text;
  while (!query.empty()) {
    size_t stop = query.find('&');
    std::string_view pair = query.substr(0, stop);
    query = stop == std::string_view::npos ? std::string_view() : query.substr(stop + 1);
    if (pair.find(';') != std::string_view::npos) return false;
    if (pair.empty()) continue;
    size_t equals = pair.find('=');
    if (!decode(pair.substr(0, equals), &key)) return false;
    if (!decode(equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1),
                &text)) {
      return false;
    }
    if (!found && key == name) {
      found = true;
      value->swap(text);
    }
  }
  return found;
}

}  // namespace fwb_plugin
