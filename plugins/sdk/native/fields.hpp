// What a field function sees of one event, and how it gives its values.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "arena.hpp"
#include "declaration.hpp"
#include "document.hpp"
#include "trie.hpp"

namespace fwb {

// The text of a value: a string decoded, anything else as compact JSON. Ends with NUL.
const char* text_of(const Document& doc, uint32_t token, Arena& arena);

template <class T>
struct Span {
  T* data;
  size_t size;
  T& operator[](size_t i) const { return data[i]; }
};

class FieldCall {
 public:
  FieldCall(const Document& doc, Arena& arena, std::vector<const char*>& values,
            std::vector<uint32_t>& scratch)
      : doc(doc), arena(arena), tokens(scratch), values_(values) {
    tokens.clear();
  }

  const Document& doc;
  Arena& arena;
  std::vector<uint32_t>& tokens;  // empty, for the function's own use
  bool has_argument = false;
  uint64_t index = 0;
  std::string_view key;

  // Token of the n-th anchor of the declaration, kNone where the event has none.
  uint32_t anchor(size_t n) const {
    uint32_t token = slots_[anchors_[n]];
    return token < kBeyond ? token : kNone;
  }
  // The constants of the declaration.
  Span<const std::string_view> parameters() const { return {parameters_, parameter_count_}; }

  void add(uint32_t token) { values_.push_back(text_of(doc, token, arena)); }
  void add(std::string_view text) { values_.push_back(arena.text(text)); }
  // A text of static life.
  void add_constant(const char* text) { values_.push_back(text); }
  void clear() { values_.clear(); }
  size_t count() const { return values_.size(); }

 private:
  friend class Plan;
  std::vector<const char*>& values_;
  const uint32_t* slots_ = nullptr;
  const uint32_t* anchors_ = nullptr;
  const std::string_view* parameters_ = nullptr;
  size_t parameter_count_ = 0;
};

}  // namespace fwb
