// Query parameters of a request URI, by the rules of Go's net/url, which upstream uses.
#pragma once

#include <string>
#include <string_view>

namespace fwb_plugin {

// The first value of `name` in the URI's query. False if there is none, or if the URI or any part
// of its query is malformed (then upstream's answer is none as well).
bool query_parameter(std::string_view uri, std::string_view name, std::string* value);

}  // namespace fwb_plugin
