// Ways into a JSON text: pointers (`/user/username`) and paths (`spec.containers[*].image`).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "document.hpp"

namespace fwb {

// Keys of a JSON pointer (RFC 6901), `~1` and `~0` decoded. A missing first '/' is forgiven and
// the empty pointer is the whole text, as upstream's json plugin has it.
std::vector<std::string> pointer_keys(std::string_view pointer);

// One step of a path: a member's name, a position, or every element or member.
struct Step {
  enum Kind { kName, kPosition, kEach } kind;
  std::string name;
  uint64_t position = 0;
  bool quoted = false;  // written as ["name"]
};

// Reads `a.b[0].c[*]["d.e"]`. `*` and digits may stand between dots as well (`a.*.b`, `a.0`),
// since Falco's own fields end at the first `]`. False, with a problem in words, if it is no path.
bool read_path(std::string_view text, std::vector<Step>* steps, std::string* problem);

}  // namespace fwb
