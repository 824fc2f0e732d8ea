// The Python side of a plugin, started when a source is opened and never before.
#pragma once

#include <string>

#include "declaration.hpp"

extern "C" {
#include "bridge.h"
}

namespace fwb {

struct Python {
  decltype(&fwb_python_open) open;
  decltype(&fwb_python_next) next;
  decltype(&fwb_python_close) close;
  decltype(&fwb_python_forget) forget;
};

// Finds or starts the interpreter and loads the plugin's class; at once if that is done already.
// Null, with a problem in words, if it cannot be done; the next call tries again.
const Python* start_python(const fwb_native* native, std::string* problem);

// The same if it has been started, else null.
const Python* running_python();

}  // namespace fwb
