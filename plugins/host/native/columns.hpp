// Columns that grow a row at a time: numbers, booleans, and dictionary coded bytes, or lists of them.
#pragma once

#include "arrow.hpp"

namespace falcowb {

// The distinct values of a column, in order of first sight, each with its code. Once they turn out
// to be nearly all distinct, every further value gets a code of its own.
//
// Open addressing over (tag, code) pairs, the tag being half of the hash: a value is compared only
// when the tag agrees, so a column without repetitions costs a hash and a probe a value.
class BytesTable {
 public:
  int32_t code(const void* bytes, size_t size);
  Exported give();

 private:
  void grow();
  int32_t add(const void* bytes, size_t size);
  bool same(int32_t code, const void* bytes, size_t size) const;

  Buffer slots_;  // uint64: tag << 32 | code + 1; 0 is free
  uint64_t mask_ = 0;
  Buffer offsets_;  // int32
  Buffer bytes_;
  int32_t count_ = 0;
  int32_t last_ = -1;
  int32_t asked_ = 0;
  bool plain_ = false;
};

enum class Kind { kBytes, kNumber, kBool };

// One column over a known number of rows. Rows not set have no value. A list column is given its
// row's items between begin() and end().
class Column {
 public:
  Column(Kind kind, bool is_list, int64_t rows);

  Kind kind() const { return kind_; }
  bool is_list() const { return is_list_; }

  // Single values.
  void set_bytes(int64_t row, const void* bytes, size_t size);
  void set_number(int64_t row, uint64_t value);
  void set_bool(int64_t row, bool value);

  // Items of a list; rows must come in ascending order.
  void begin_list(int64_t row, uint64_t items);
  void add_bytes(const void* bytes, size_t size);
  void add_number(uint64_t value);
  void add_bool(bool value);

  Exported give(const std::string& name);

 private:
  Exported give_values(int64_t length, int64_t nulls, Buffer* validity);

  Kind kind_;
  bool is_list_;
  int64_t rows_;
  int64_t set_ = 0;   // rows with a value
  Buffer validity_;   // bitmap over rows
  Buffer values_;     // int32 codes, uint64 numbers, or a bitmap
  Buffer offsets_;    // int32, lists only
  int64_t filled_ = 0;  // offsets_[0 .. filled_] are written
  int64_t items_ = 0;
  BytesTable table_;
};

}  // namespace falcowb
