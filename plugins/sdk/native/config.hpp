// The init configuration, checked against the plugin's declared options.
#pragma once

#include <string>

namespace fwb {

// True if `text` is a JSON object whose declared options have the declared types. Options that
// are not declared pass, as they do upstream.
bool check_config(const std::string& text, std::string* problem);

}  // namespace fwb
