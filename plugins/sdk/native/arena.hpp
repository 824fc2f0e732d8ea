// Memory for the values of one call: handed out in order, taken back all at once.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

namespace fwb {

class Arena {
 public:
  char* bytes(size_t size, size_t alignment = 1) {
    size_t start = (used_ + alignment - 1) & ~(alignment - 1);
    if (current_ == nullptr || start + size > capacity_) {
      next_block(size);
      start = 0;
    }
    used_ = start + size;
    return current_ + start;
  }

  template <class T>
  T* array(size_t count) {
    return reinterpret_cast<T*>(bytes(count * sizeof(T), alignof(T)));
  }

  // A copy that ends with NUL.
  const char* text(std::string_view s) {
    char* out = bytes(s.size() + 1);
    if (!s.empty()) memcpy(out, s.data(), s.size());
    out[s.size()] = '\0';
    return out;
  }

  // Gives back what `bytes` handed out last, down to `kept` bytes from `start`.
  void shrink(char* start, size_t kept) { used_ = static_cast<size_t>(start - current_) + kept; }

  // Forgets everything; keeps one block for the next call.
  void reset() {
    used_ = 0;
    if (blocks_.size() > 1 || capacity_ > kKeep) {
      blocks_.clear();
      current_ = nullptr;
      capacity_ = 0;
    }
  }

 private:
  static constexpr size_t kBlock = 64 * 1024;
  static constexpr size_t kKeep = 1024 * 1024;

  void next_block(size_t size) {
    capacity_ = size > kBlock ? size : kBlock;
    blocks_.emplace_back(new char[capacity_]);
    current_ = blocks_.back().get();
  }

  std::vector<std::unique_ptr<char[]>> blocks_;
  char* current_ = nullptr;
  size_t used_ = 0;
  size_t capacity_ = 0;
};

}  // namespace fwb
