#include "boundary.hpp"

#include "document.hpp"

namespace fwb {

namespace {

bool is_word(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '+' ||
         c == '-' || c == '.';
}

}  // namespace

// Reads on to the end of a string; kWhole when it is reached.
Boundary::Result Boundary::string(std::string_view text) {
  while (at_ < text.size()) {
    char c = text[at_];
    if (c == '"') {
      ++at_;
      in_string_ = false;
      return kWhole;
    }
    if (c == '\n') return broken("a string has no end on its line");
    if (c == '\\') {
      if (at_ + 1 >= text.size()) return kMore;
      if (text[at_ + 1] == '\n') return broken("a string has no end on its line");
      ++at_;
    }
    ++at_;
  }
  return kMore;
}

Boundary::Result Boundary::advance(std::string_view text) {
  while (at_ < text.size()) {
    if (in_string_) {
      Result result = string(text);
      if (result != kWhole) return result;
    } else if (in_word_) {
      if (is_word(text[at_])) {
        ++at_;
        continue;
      }
      in_word_ = false;
    } else {
      char c = text[at_];
      if (c == ' ' || c == '\n' || c == '\r' || c == '\t') {
        ++at_;
        continue;
      }
      switch (state_) {
        case kFirstKey:
        case kKey:
          if (c == '"') {
            in_string_ = true;
            state_ = kColon;
            ++at_;
            continue;
          }
          if (c != '}' || state_ == kKey) return broken("expected a key");
          break;
        case kColon:
          if (c != ':') return broken("expected ':'");
          state_ = kValue;
          ++at_;
          continue;
        case kAfter:
          if (c == ',') {
            state_ = open_.back() == '{' ? kKey : kValue;
            ++at_;
            continue;
          }
          if (c != (open_.back() == '{' ? '}' : ']')) {
            return broken(open_.back() == '{' ? "expected ',' or '}'" : "expected ',' or ']'");
          }
          break;
        case kFirstElement:
        case kValue:
          if (c == ']' && state_ == kFirstElement) break;
          state_ = kAfter;
          if (c == '{' || c == '[') {
            if (open_.size() == kMaxDepth) return broken("nested too deeply");
            open_ += c;
            state_ = c == '{' ? kFirstKey : kFirstElement;
            ++at_;
            continue;
          }
          if (c == '"') {
            in_string_ = true;
          } else if (is_word(c)) {
            in_word_ = true;
          } else {
            return broken("expected a value");
          }
          ++at_;
          continue;
      }
      // A closing bracket that fits.
      ++at_;
      open_.pop_back();
      state_ = kAfter;
    }
    if (open_.empty() && state_ == kAfter && !in_string_ && !in_word_) return kWhole;
  }
  return kMore;
}

}  // namespace fwb
