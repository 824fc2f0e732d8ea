// A JSON text seen through its structure: tokens, and where each container ends.
//
// simdjson finds the tokens (its first stage: braces, brackets, colons, commas, and where strings,
// numbers and words begin). One pass of ours over the tokens then checks the whole grammar and
// notes for every container the token that closes it, so that a search steps over what it does not
// want. Strings are not decoded, numbers not converted, nothing is copied until asked for: most
// fields of most events are absent, and a value is given as the text stands.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace fwb {

// Tokens are positions in the token list; kNone is "no such value".
constexpr uint32_t kNone = UINT32_MAX;

// Nesting beyond this is refused, as upstream's JSON reader does.
constexpr uint32_t kMaxDepth = 300;

class Document {
 public:
  Document();
  ~Document();
  Document(const Document&) = delete;
  Document& operator=(const Document&) = delete;

  enum class Outcome { kWhole, kIncomplete, kBroken };

  // Finds the tokens of `text`, which must outlive their use. False (with problem()) if the text
  // ends inside a string or holds a raw control character in one.
  bool scan(const char* text, size_t size);

  // Checks the value that begins at token `from`; `next` becomes the token after it. kIncomplete
  // is "the tokens ran out". Values of earlier reads of the same scan stay usable.
  Outcome read(uint32_t from, uint32_t* next);

  // scan and read of exactly one value with nothing after it.
  bool parse(const char* text, size_t size);

  // Whether a string holds raw control characters, which strict readers refuse.
  bool has_raw_controls() const { return raw_controls_; }

  const char* problem() const { return problem_; }
  size_t problem_at() const { return problem_at_; }

  uint32_t tokens() const { return count_; }
  const char* text() const { return text_; }
  size_t size() const { return size_; }
  size_t position(uint32_t token) const { return index_[token]; }
  char first(uint32_t token) const { return text_[index_[token]]; }
  bool is_object(uint32_t token) const { return first(token) == '{'; }
  bool is_array(uint32_t token) const { return first(token) == '['; }
  bool is_string(uint32_t token) const { return first(token) == '"'; }
  bool is_null(uint32_t token) const { return first(token) == 'n'; }
  bool is_container(uint32_t token) const { return is_object(token) || is_array(token); }

  // The token that closes a container, and the first token after any value.
  uint32_t end(uint32_t token) const { return skip_[token]; }
  uint32_t after(uint32_t token) const {
    return is_container(token) ? skip_[token] + 1 : token + 1;
  }

  // The text of a value as it stands, quotes included.
  std::string_view raw(uint32_t token) const;
  // Whether a value is written without spaces between its tokens.
  bool is_compact(uint32_t token) const {
    bool spaced = false;
    for (uint32_t i = token + 1, stop = after(token); i < stop; ++i) {
      spaced |= static_cast<unsigned char>(text_[index_[i] - 1]) <= ' ';
    }
    return !spaced;
  }
  // The text between the quotes of a string, escapes as they stand.
  std::string_view inside(uint32_t token) const {
    std::string_view all = raw(token);
    return all.substr(1, all.size() - 2);
  }

  // The name of a member, escapes as they stand. Names lie right before their colons as a rule.
  std::string_view name(uint32_t key) const {
    size_t start = index_[key] + 1;
    size_t stop = index_[key + 1];
    if (text_[stop - 1] != '"') return inside(key);
    return {text_ + start, stop - 1 - start};
  }

  // The first member of that name, or kNone. An array is asked by position, as upstream's reader
  // does ("0" is its first element).
  uint32_t get(uint32_t token, std::string_view key) const;
  uint32_t get_member(uint32_t object, std::string_view key) const;

  // Calls f(key token, value token) for each member, f(value token) for each element, until f
  // returns false.
  template <class F>
  void members(uint32_t object, F f) const {
    for (uint32_t key = object + 1; key < skip_[object]; key = after(key + 2) + 1) {
      if (!f(key, key + 2)) return;
    }
  }
  template <class F>
  void elements(uint32_t array, F f) const {
    for (uint32_t value = array + 1; value < skip_[array]; value = after(value) + 1) {
      if (!f(value)) return;
    }
  }
  uint32_t element(uint32_t array, uint64_t position) const;

 private:
  struct Finder;  // simdjson's first stage, kept out of this header

  Outcome fail(Outcome outcome, const char* problem, size_t at);
  bool scan_with_controls(const char* text, size_t size);
  bool valid_number(uint32_t token) const;

  std::unique_ptr<Finder> finder_;
  const char* text_ = nullptr;
  size_t size_ = 0;
  const uint32_t* index_ = nullptr;
  uint32_t count_ = 0;
  std::vector<uint32_t> skip_;
  std::string masked_;
  bool raw_controls_ = false;
  const char* problem_ = "";
  size_t problem_at_ = 0;
};

// Copies JSON without the spaces between its tokens; `out` must hold `size` + 64 bytes. Returns the
// length, or 0 if a string has no end.
size_t compact(const char* text, size_t size, char* out);

// Position of an array element as upstream's reader takes it from text, or -1.
int64_t array_position(std::string_view key);

}  // namespace fwb
