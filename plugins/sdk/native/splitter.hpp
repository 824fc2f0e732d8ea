// A stream of bytes, cut into JSON values: one a line, spread over lines, back to back, or the
// elements of an array as long as it likes.
//
// What is no JSON is a problem with its line, and reading goes on behind it. A line that stands
// for itself is always tried for itself, so that an object cut short on one line does not take
// the good lines after it along.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "boundary.hpp"
#include "declaration.hpp"
#include "document.hpp"
#include "events.hpp"

namespace fwb {

class Splitter {
 public:
  Splitter(uint64_t most_event_bytes, uint64_t most_document_bytes)
      : sink_(most_event_bytes), most_document_(most_document_bytes) {}

  // Takes more of the stream and puts the events it completes into `batch`. `last`: nothing
  // follows; what is still incomplete is a problem, and the next stream begins at line 1.
  void feed(std::string_view data, bool last, Batch* batch);

  // Bytes held back because the value they belong to is not complete.
  size_t held() const { return buffer_.size() - start_; }
  EventSink& sink() { return sink_; }

 private:
  static constexpr size_t kLongLine = 1 << 20;

  bool step(bool last);
  bool read_line(size_t stop);
  bool read_value(bool last);
  bool resume();
  bool skip_line();
  void deliver(uint32_t token);
  void broken(size_t at, const char* problem);
  void end_of_skipping();

  EventSink sink_;
  uint64_t most_document_;
  Document doc_;
  Boundary boundary_;
  std::string buffer_;
  size_t start_ = 0;        // all before it is done
  uint64_t line_ = 1;       // line of start_
  bool line_begins_ = true;  // nothing of the line is done yet
  uint64_t arrays_ = 0;     // arrays that are open around the values
  bool by_value_ = false;   // the rest of this line is read value by value
  bool in_value_ = false;   // boundary_ is under way
  bool skipping_line_ = false;
  bool resuming_ = false;   // looking for the next line that begins a value
  size_t alone_until_ = 0;  // lines before it may only be whole values
  uint64_t skipped_from_ = 0;
  uint64_t skipped_ = 0;
  bool stream_begins_ = true;
};

}  // namespace fwb
