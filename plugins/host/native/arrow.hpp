// Growable buffers, and handing them to Arrow without a copy through its C data interface.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "host.h"

namespace falcowb {

// Bytes that grow by doubling and can be given away.
class Buffer {
 public:
  Buffer() = default;
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() { free(data_); }

  uint8_t* data() const { return data_; }
  size_t size() const { return size_; }
  template <typename T>
  T* as() const {
    return reinterpret_cast<T*>(data_);
  }

  // Never leaves a null pointer, which Arrow takes for an absent buffer.
  void reserve(size_t wanted) {
    if (data_ && wanted <= capacity_) return;
    size_t capacity = std::max(wanted, std::max<size_t>(256, capacity_ * 2));
    auto* grown = static_cast<uint8_t*>(realloc(data_, capacity));
    if (!grown) throw std::bad_alloc();
    data_ = grown;
    capacity_ = capacity;
  }

  void append(const void* bytes, size_t count) {
    if (size_ + count > capacity_) reserve(size_ + count);
    if (count) memcpy(data_ + size_, bytes, count);
    size_ += count;
  }

  template <typename T>
  void push(T value) {
    if (size_ + sizeof(T) > capacity_) reserve(size_ + sizeof(T));
    memcpy(data_ + size_, &value, sizeof(T));
    size_ += sizeof(T);
  }

  void fill(size_t count, int byte) {
    free(data_);
    data_ = nullptr;
    capacity_ = 0;
    reserve(count ? count : 1);
    memset(data_, byte, count);
    size_ = count;
  }

  void swap(Buffer& other) {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
  }

  uint8_t* give() {
    reserve(1);
    uint8_t* given = data_;
    data_ = nullptr;
    size_ = capacity_ = 0;
    return given;
  }

 private:
  uint8_t* data_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

// An array and its type, to be put together and then moved out to the caller's structs.
class Exported {
 public:
  Exported(std::string format, int64_t length, int64_t null_count);
  ~Exported();
  Exported(Exported&&) noexcept;
  Exported(const Exported&) = delete;

  void no_buffer();             // an absent validity bitmap: every row has a value
  void buffer(Buffer& given);   // takes the bytes
  void child(Exported given);
  void dictionary(Exported given);
  void name(std::string text);
  void nullable(bool yes);
  void give(ArrowArray* array, ArrowSchema* schema);

 private:
  ArrowArray array_ = {};
  ArrowSchema schema_ = {};
};

inline void set_bit(uint8_t* bits, int64_t position) {
  bits[position >> 3] |= static_cast<uint8_t>(1u << (position & 7));
}

}  // namespace falcowb
