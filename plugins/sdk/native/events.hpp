// Events on their way out: batches of them, and what was wrong with the input they came from.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "arena.hpp"
#include "document.hpp"
#include "plugins/host/falco_plugin_api.h"

namespace fwb {

// Events in the form in which next_batch hands them over.
class Batch {
 public:
  void add(uint64_t time, std::string_view payload) {
    char* data = begin(payload.size());
    if (!payload.empty()) memcpy(data, payload.data(), payload.size());
    finish(time, payload.size());
  }

  // For payloads that are written in place: room for `most` bytes, then their true number.
  char* begin(size_t most);
  void finish(uint64_t time, size_t size);

  size_t count() const { return events_.size(); }
  size_t bytes() const { return bytes_; }
  ss_plugin_event** events() { return events_.data(); }

 private:
  Arena arena_;
  std::vector<ss_plugin_event*> events_;
  char* open_ = nullptr;
  size_t bytes_ = 0;
};

struct Problem {
  uint64_t line;
  std::string text;
};

// Where a DocumentFunction puts the events that it finds in a JSON value.
class EventSink {
 public:
  explicit EventSink(uint64_t most_bytes) : most_(most_bytes) {}

  // An event whose payload is this value, made compact. One above the size limit is a problem.
  void event(const Document& doc, uint32_t token, uint64_t time);
  void problem(std::string text) { problem_at(line_, std::move(text)); }

  void problem_at(uint64_t line, std::string text) {
    ++problem_count_;
    if (problems_.size() < kMostProblems) problems_.push_back({line, std::move(text)});
  }
  // Takes the oldest problem; false if there is none.
  bool take_problem(Problem* out) {
    if (problems_.empty()) return false;
    *out = std::move(problems_.front());
    problems_.pop_front();
    return true;
  }
  uint64_t problem_count() const { return problem_count_; }
  void write_to(Batch* batch) { batch_ = batch; }
  void at_line(uint64_t line) { line_ = line; }

 private:
  static constexpr size_t kMostProblems = 1000;

  Batch* batch_ = nullptr;
  uint64_t most_;
  uint64_t line_ = 1;
  uint64_t problem_count_ = 0;
  std::deque<Problem> problems_;
};

}  // namespace fwb
