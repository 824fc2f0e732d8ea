// Finds the end of one JSON value in text that arrives in pieces, byte by byte and in linear time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace fwb {

class Boundary {
 public:
  enum Result { kMore, kWhole, kBroken };

  void restart() { *this = Boundary(); }

  // Goes on in `text`, which begins at the value and has grown since the last call. kWhole:
  // position() is behind the value. kBroken: position() is where it stops being JSON.
  Result advance(std::string_view text);

  size_t position() const { return at_; }
  const char* problem() const { return problem_; }

 private:
  enum State { kValue, kFirstKey, kKey, kColon, kFirstElement, kAfter };

  Result broken(const char* problem) {
    problem_ = problem;
    return kBroken;
  }
  Result string(std::string_view text);

  size_t at_ = 0;
  State state_ = kValue;
  bool in_string_ = false;
  bool in_word_ = false;
  std::string open_;  // the brackets that are open
  const char* problem_ = "";
};

}  // namespace fwb
