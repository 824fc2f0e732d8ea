#include "splitter.hpp"

#include <algorithm>
#include <cstring>

namespace fwb {

namespace {

bool is_space(char c) { return c == ' ' || c == '\r' || c == '\t'; }

}  // namespace

void Splitter::feed(std::string_view data, bool last, Batch* batch) {
  sink_.write_to(batch);
  alone_until_ = alone_until_ > start_ ? alone_until_ - start_ : 0;
  buffer_.erase(0, start_);
  start_ = 0;
  buffer_.append(data);
  if (stream_begins_ && (buffer_.size() >= 3 || last)) {
    if (buffer_.compare(0, 3, "\xEF\xBB\xBF") == 0) start_ = 3;
    stream_begins_ = false;
  }
  if (!stream_begins_) {
    while (start_ < buffer_.size() && step(last)) {
    }
  }
  if (!last) return;
  end_of_skipping();
  if (arrays_ > 0) sink_.problem_at(line_, "the text ends inside an array");
  buffer_.clear();
  boundary_.restart();
  start_ = 0;
  line_ = 1;
  arrays_ = 0;
  alone_until_ = 0;
  line_begins_ = stream_begins_ = true;
  by_value_ = in_value_ = skipping_line_ = resuming_ = false;
}

// One step ahead; false if more text is needed first.
bool Splitter::step(bool last) {
  if (skipping_line_) return skip_line();
  if (in_value_) return read_value(last);
  char c = buffer_[start_];
  if (c == '\n') {
    ++start_;
    ++line_;
    line_begins_ = true;
    by_value_ = false;
    return true;
  }
  if (resuming_) return resume();
  if (is_space(c)) {
    ++start_;
    line_begins_ = false;
    return true;
  }
  if (by_value_) {
    if (c == '[' || (arrays_ > 0 && (c == ',' || c == ']'))) {
      arrays_ += c == '[' ? 1 : 0;
      arrays_ -= c == ']' ? 1 : 0;
      ++start_;
      return true;
    }
    return read_value(last);
  }
  size_t size = buffer_.size();
  const void* found = memchr(buffer_.data() + start_, '\n', size - start_);
  if (!found && !last && size - start_ < kLongLine) return false;
  if (found || last) {
    size_t stop =
        found ? static_cast<size_t>(static_cast<const char*>(found) - buffer_.data()) : size;
    // What is too long for one value may still be many values on one line.
    if (stop - start_ <= most_document_ && read_line(stop)) return true;
  }
  by_value_ = true;
  return true;
}

// Reads the values of a whole line. False where one is not whole; start_ is then at it.
bool Splitter::read_line(size_t stop) {
  size_t from = start_;
  if (!doc_.scan(buffer_.data() + from, stop - from)) return false;
  sink_.at_line(line_);
  uint32_t token = 0;
  while (token < doc_.tokens()) {
    start_ = from + doc_.position(token);
    line_begins_ = start_ == from && line_begins_;
    char c = doc_.first(token);
    if (c == '[') {
      ++arrays_;
      ++token;
    } else if (arrays_ > 0 && (c == ',' || c == ']')) {
      arrays_ -= c == ']' ? 1 : 0;
      ++token;
    } else {
      uint32_t next = 0;
      if (doc_.read(token, &next) != Document::Outcome::kWhole) return false;
      deliver(token);
      token = next;
    }
  }
  start_ = stop;
  return true;
}

void Splitter::deliver(uint32_t token) {
  if (kPlugin.on_document) {
    kPlugin.on_document(doc_, token, sink_);
  } else {
    sink_.event(doc_, token, UINT64_MAX);
  }
}

// Reads one value that may span lines and pieces.
bool Splitter::read_value(bool last) {
  if (!in_value_) {
    char c = buffer_[start_];
    if (c != '{' && c != '[' && arrays_ == 0) {
      broken(0, "expected '{' or '['");
      return true;
    }
    boundary_.restart();
    in_value_ = true;
  }
  std::string_view text(buffer_.data() + start_, buffer_.size() - start_);
  Boundary::Result result = boundary_.advance(text);
  if (result == Boundary::kMore) {
    if (text.size() > most_document_) {
      broken(text.size(), "the value is longer than any may be");
      return true;
    }
    if (!last) return false;
    broken(text.size(), "the text ends before the value does");
    return true;
  }
  size_t size = boundary_.position();
  if (result == Boundary::kBroken) {
    broken(size, boundary_.problem());
    return true;
  }
  in_value_ = false;
  sink_.at_line(line_);
  if (doc_.parse(text.data(), size)) {
    deliver(0);
  } else {
    sink_.problem(std::string("not JSON: ") + doc_.problem());
  }
  line_ += static_cast<uint64_t>(std::count(text.begin(), text.begin() + size, '\n'));
  start_ += size;
  line_begins_ = false;
  return true;
}

// The value at start_ is none, which shows `at` bytes on. Says so and moves behind its first line.
void Splitter::broken(size_t at, const char* problem) {
  const char* text = buffer_.data() + start_;
  auto lines = static_cast<uint64_t>(std::count(text, text + at, '\n'));
  std::string message = std::string("not JSON: ") + problem;
  if (lines > 0) {
    size_t line_start = at;
    while (text[line_start - 1] != '\n') --line_start;
    message += " (line " + std::to_string(line_ + lines) + ", column " +
               std::to_string(at - line_start + 1) + ")";
    // The lines in between may be values of their own.
    resuming_ = true;
    alone_until_ = start_ + line_start;
    skipped_from_ = line_ + 1;
    skipped_ = 0;
  } else {
    message += " (byte " + std::to_string(at + 1) + " of it)";
  }
  sink_.problem_at(line_, std::move(message));
  in_value_ = false;
  by_value_ = false;
  arrays_ = 0;
  skipping_line_ = true;
}

// Drops text up to the end of the line, however many pieces that takes.
bool Splitter::skip_line() {
  const void* found = memchr(buffer_.data() + start_, '\n', buffer_.size() - start_);
  line_begins_ = false;
  if (!found) {
    start_ = buffer_.size();
    return true;
  }
  start_ = static_cast<size_t>(static_cast<const char*>(found) - buffer_.data());
  skipping_line_ = false;
  return true;
}

// After a value that spans lines and is broken: the next line that begins with a bracket at its
// first column begins anew. Lines that the broken value had claimed must be whole by themselves.
bool Splitter::resume() {
  char c = buffer_[start_];
  bool begins = line_begins_ && (c == '{' || c == '[');
  if (begins && start_ < alone_until_) {
    size_t size = buffer_.size();
    const void* found = memchr(buffer_.data() + start_, '\n', size - start_);
    size_t stop =
        found ? static_cast<size_t>(static_cast<const char*>(found) - buffer_.data()) : size;
    // An array is not tried here: its end may be anywhere.
    if (c == '{' && stop - start_ <= most_document_ && read_line(stop)) return true;
    begins = false;
  }
  if (begins) {
    end_of_skipping();
    resuming_ = false;
    return true;
  }
  ++skipped_;
  skipping_line_ = true;
  return skip_line();
}

void Splitter::end_of_skipping() {
  if (resuming_ && skipped_ > 0) {
    sink_.problem_at(skipped_from_, std::to_string(skipped_) + " more line" +
                                        (skipped_ > 1 ? "s" : "") + " of it skipped");
  }
  skipped_ = 0;
}

}  // namespace fwb
