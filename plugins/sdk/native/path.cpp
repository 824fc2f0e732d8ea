#include "path.hpp"

namespace fwb {

std::vector<std::string> pointer_keys(std::string_view pointer) {
  std::vector<std::string> keys;
  if (pointer.empty()) return keys;
  if (pointer[0] == '/') pointer.remove_prefix(1);
  while (true) {
    size_t slash = pointer.find('/');
    std::string_view part = pointer.substr(0, slash);
    std::string key;
    key.reserve(part.size());
    for (size_t i = 0; i < part.size(); ++i) {
      if (part[i] == '~' && i + 1 < part.size() && (part[i + 1] == '0' || part[i + 1] == '1')) {
        key += part[++i] == '0' ? '~' : '/';
      } else {
        key += part[i];
      }
    }
    keys.push_back(std::move(key));
    if (slash == std::string_view::npos) return keys;
    pointer.remove_prefix(slash + 1);
  }
}

namespace {

bool all_digits(std::string_view s) {
  if (s.empty() || s.size() > 18) return false;
  for (char c : s) {
    if (c < '0' || c > '9') return false;
  }
  return true;
}

uint64_t number(std::string_view s) {
  uint64_t value = 0;
  for (char c : s) value = value * 10 + static_cast<uint64_t>(c - '0');
  return value;
}

Step name_step(std::string_view name) {
  Step step{Step::kName, std::string(name)};
  if (name == "*") step.kind = Step::kEach;
  return step;
}

bool fail(std::string* problem, const char* what, size_t at) {
  *problem = std::string(what) + " at character " + std::to_string(at + 1);
  return false;
}

// Reads the inside of brackets, `i` standing behind the '['; leaves it behind the ']'.
bool read_bracket(std::string_view s, size_t* at, std::vector<Step>* steps, std::string* problem) {
  size_t i = *at;
  if (i < s.size() && (s[i] == '"' || s[i] == '\'')) {
    char quote = s[i++];
    Step step{Step::kName, "", 0, true};
    while (i < s.size() && s[i] != quote) {
      if (s[i] == '\\' && i + 1 < s.size()) ++i;
      step.name += s[i++];
    }
    if (i >= s.size()) return fail(problem, "a quoted name has no end", *at);
    ++i;
    if (i >= s.size() || s[i] != ']') return fail(problem, "expected ']'", i);
    *at = i + 1;
    steps->push_back(std::move(step));
    return true;
  }
  size_t stop = s.find(']', i);
  if (stop == std::string_view::npos) return fail(problem, "'[' has no ']'", i - 1);
  std::string_view inside = s.substr(i, stop - i);
  if (inside == "*") {
    steps->push_back(Step{Step::kEach, ""});
  } else if (all_digits(inside)) {
    steps->push_back(Step{Step::kPosition, "", number(inside)});
  } else {
    return fail(problem, "brackets hold a number, * or a quoted name; found something else", i);
  }
  *at = stop + 1;
  return true;
}

}  // namespace

bool read_path(std::string_view s, std::vector<Step>* steps, std::string* problem) {
  steps->clear();
  if (s.empty()) {
    *problem = "a path is needed, such as user.username";
    return false;
  }
  size_t i = 0;
  bool name_next = s[0] != '[';
  while (i < s.size() || name_next) {
    if (name_next) {
      size_t stop = i;
      while (stop < s.size() && s[stop] != '.' && s[stop] != '[' && s[stop] != ']') ++stop;
      if (stop == i) return fail(problem, "expected a name", i);
      steps->push_back(name_step(s.substr(i, stop - i)));
      i = stop;
      name_next = false;
    } else if (s[i] == '.') {
      ++i;
      name_next = true;
    } else if (s[i] == '[') {
      ++i;
      if (!read_bracket(s, &i, steps, problem)) return false;
    } else {
      return fail(problem, "expected '.' or '['", i);
    }
    if (steps->size() > kMaxDepth) return fail(problem, "the path is too long", i);
  }
  return true;
}

}  // namespace fwb
