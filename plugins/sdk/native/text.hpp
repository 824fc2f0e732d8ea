// Values as text: escapes decoded, JSON made compact or indented, times read.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "document.hpp"

namespace fwb {

// Decodes the escapes of a JSON string's inside into `out`, which must hold `written.size()`
// bytes; returns the length. An escape that is none stays as it is written.
size_t unescape(std::string_view written, char* out);
std::string unescaped(std::string_view written);

// Appends a value without the spaces between its tokens; strings and numbers as they stand.
void append_compact(const Document& doc, uint32_t token, std::string& out);

// Appends a whole text indented by two spaces, as Go's json.Indent writes it.
void append_indented(const Document& doc, std::string& out);

// Reads an RFC 3339 time with any number of decimals to nanoseconds since the epoch. False if it
// is none (a day that does not exist included).
bool read_time(std::string_view text, uint64_t* nanoseconds);

}  // namespace fwb
