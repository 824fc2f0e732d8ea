#include "config.hpp"

#include "declaration.hpp"
#include "document.hpp"

namespace fwb {

namespace {

bool fits(const Document& doc, uint32_t value, char type) {
  char c = doc.first(value);
  switch (type) {
    case 's': return c == '"';
    case 'b': return c == 't' || c == 'f';
    default:
      return c >= '0' && c <= '9' &&
             doc.raw(value).find_first_of(".eE") == std::string_view::npos;
  }
}

const char* named(char type) {
  switch (type) {
    case 's': return "text";
    case 'b': return "true or false";
    default: return "a whole number, 0 or more";
  }
}

}  // namespace

bool check_config(const std::string& text, std::string* problem) {
  Document doc;
  std::string start = std::string("the init configuration of ") + kPlugin.name;
  if (!doc.parse(text.data(), text.size())) {
    *problem = start + " is not JSON: " + doc.problem() + " at byte " +
               std::to_string(doc.problem_at() + 1);
    return false;
  }
  if (!doc.is_object(0)) {
    *problem = start + " must be a JSON object";
    return false;
  }
  for (size_t i = 0; i < kPlugin.option_count; ++i) {
    const OptionDeclaration& option = kPlugin.options[i];
    uint32_t value = doc.get(0, option.name);
    if (value == kNone || doc.is_null(value) || fits(doc, value, option.type)) continue;
    *problem = start + ": " + std::string(option.name) + " must be " + named(option.type);
    return false;
  }
  return true;
}

}  // namespace fwb
