// Columns that grow a row at a time.
#include "columns.hpp"

#include <sys/random.h>

#include <stdexcept>

namespace falcowb {
namespace {

constexpr size_t kMaxBytes = INT32_MAX;  // what Arrow's 32-bit offsets can address
constexpr int32_t kEnoughToTell = 1024;  // values, of which one in 16 should have come before

// Drawn once a process: what an attacker puts into events must not be able to line up collisions.
struct Secret {
  uint64_t word[3] = {0x9e3779b97f4a7c15, 0xd1b54a32d192ed03, 0x8cb92ba72f3d8dd7};
  Secret() {
    uint64_t drawn[3];
    if (getrandom(drawn, sizeof drawn, 0) == static_cast<ssize_t>(sizeof drawn))
      for (int i = 0; i < 3; ++i) word[i] ^= drawn[i];
  }
};
const Secret secret;

inline uint64_t word_at(const uint8_t* at) {
  uint64_t word;
  memcpy(&word, at, sizeof word);
  return word;
}

// Folds the 128-bit product: one multiplication mixes 16 bytes.
inline uint64_t fold(uint64_t a, uint64_t b) {
  auto product = static_cast<unsigned __int128>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

inline uint64_t hash_bytes(const uint8_t* at, size_t size) {
  uint64_t state = secret.word[0] ^ size;
  if (size >= 16) {
    const uint8_t* last = at + size - 16;
    if (size >= 64) {  // two independent chains, so that long values are not bound by latency
      uint64_t other = secret.word[1];
      while (last - at >= 32) {
        state = fold(word_at(at) ^ secret.word[1], word_at(at + 8) ^ state);
        other = fold(word_at(at + 16) ^ secret.word[2], word_at(at + 24) ^ other);
        at += 32;
      }
      state ^= other;
    }
    while (at < last) {
      state = fold(word_at(at) ^ secret.word[1], word_at(at + 8) ^ state);
      at += 16;
    }
    state = fold(word_at(last) ^ secret.word[1], word_at(last + 8) ^ state);
  } else {
    uint64_t low = 0, high = 0;
    if (size >= 8) {
      low = word_at(at);
      high = word_at(at + size - 8);
    } else if (size >= 4) {
      uint32_t first, last;
      memcpy(&first, at, 4);
      memcpy(&last, at + size - 4, 4);
      low = uint64_t{first} << 32 | last;
    } else if (size) {
      low = uint64_t{at[0]} << 16 | uint64_t{at[size >> 1]} << 8 | at[size - 1];
    }
    state = fold(low ^ secret.word[1], high ^ state);
  }
  return fold(state ^ secret.word[2], secret.word[0]);
}

// memcmp without the call, which would cost more than the comparison of a short value.
inline bool equal(const uint8_t* a, const uint8_t* b, size_t size) {
  if (size >= 16) {
    const size_t last = size - 16;
    for (size_t at = 0; at < last; at += 16)
      if ((word_at(a + at) ^ word_at(b + at)) | (word_at(a + at + 8) ^ word_at(b + at + 8)))
        return false;
    return !((word_at(a + last) ^ word_at(b + last)) |
             (word_at(a + last + 8) ^ word_at(b + last + 8)));
  }
  if (size >= 8)
    return !((word_at(a) ^ word_at(b)) | (word_at(a + size - 8) ^ word_at(b + size - 8)));
  if (size >= 4) {
    uint32_t first[2], second[2];
    memcpy(&first[0], a, 4);
    memcpy(&first[1], a + size - 4, 4);
    memcpy(&second[0], b, 4);
    memcpy(&second[1], b + size - 4, 4);
    return !((first[0] ^ second[0]) | (first[1] ^ second[1]));
  }
  for (size_t at = 0; at < size; ++at)
    if (a[at] != b[at]) return false;
  return true;
}

}  // namespace

bool BytesTable::same(int32_t code, const void* bytes, size_t size) const {
  const int32_t* offsets = offsets_.as<int32_t>();
  size_t start = static_cast<size_t>(offsets[code]);
  return static_cast<size_t>(offsets[code + 1]) - start == size &&
         equal(bytes_.data() + start, static_cast<const uint8_t*>(bytes), size);
}

void BytesTable::grow() {
  uint64_t capacity = mask_ ? (mask_ + 1) * 2 : 64;
  Buffer wider;
  wider.fill(capacity * sizeof(uint64_t), 0);
  auto* to = wider.as<uint64_t>();
  if (mask_) {
    const auto* from = slots_.as<uint64_t>();
    for (uint64_t i = 0; i <= mask_; ++i) {
      if (!from[i]) continue;
      uint64_t at = (from[i] >> 32) & (capacity - 1);
      while (to[at]) at = (at + 1) & (capacity - 1);
      to[at] = from[i];
    }
  } else {
    offsets_.push<int32_t>(0);
  }
  slots_.swap(wider);
  mask_ = capacity - 1;
}

int32_t BytesTable::code(const void* bytes, size_t size) {
  // Events in a row tend to repeat a value (a stage, a verb, a user).
  if (last_ >= 0 && same(last_, bytes, size)) return last_;
  if (plain_) return add(bytes, size);
  ++asked_;
  // At most 5/8 full.
  if (!mask_ || static_cast<uint64_t>(count_) * 8 >= (mask_ + 1) * 5) grow();
  uint64_t tag = hash_bytes(static_cast<const uint8_t*>(bytes), size) >> 32;
  auto* slots = slots_.as<uint64_t>();
  uint64_t at = tag & mask_;
  while (slots[at]) {
    if (slots[at] >> 32 == tag) {
      auto found = static_cast<int32_t>(slots[at] & UINT32_MAX) - 1;
      if (same(found, bytes, size)) return last_ = found;
    }
    at = (at + 1) & mask_;
  }
  slots[at] = tag << 32 | static_cast<uint32_t>(count_ + 1);
  add(bytes, size);
  // Times, ids and the like: where next to nothing repeats, looking is for nothing.
  plain_ = count_ >= kEnoughToTell && asked_ - count_ < asked_ / 16;
  return last_;
}

int32_t BytesTable::add(const void* bytes, size_t size) {
  if (bytes_.size() + size > kMaxBytes || count_ == INT32_MAX - 1)
    throw std::length_error("its distinct values exceed 2 GiB in one batch");
  bytes_.append(bytes, size);
  offsets_.push(static_cast<int32_t>(bytes_.size()));
  return last_ = count_++;
}

Exported BytesTable::give() {
  if (!offsets_.size()) offsets_.push<int32_t>(0);
  Exported values("z", count_, 0);
  values.no_buffer();
  values.buffer(offsets_);
  values.buffer(bytes_);
  return values;
}

Column::Column(Kind kind, bool is_list, int64_t rows)
    : kind_(kind), is_list_(is_list), rows_(rows) {
  validity_.fill(static_cast<size_t>(rows + 7) / 8, 0);
  if (is_list) {
    offsets_.fill(static_cast<size_t>(rows + 1) * sizeof(int32_t), 0);
    return;
  }
  if (kind == Kind::kBytes) values_.fill(static_cast<size_t>(rows) * sizeof(int32_t), 0xff);
  if (kind == Kind::kNumber) values_.fill(static_cast<size_t>(rows) * sizeof(uint64_t), 0);
  if (kind == Kind::kBool) values_.fill(static_cast<size_t>(rows + 7) / 8, 0);
}

void Column::set_bytes(int64_t row, const void* bytes, size_t size) {
  values_.as<int32_t>()[row] = table_.code(bytes, size);
  set_bit(validity_.data(), row);
  ++set_;
}

void Column::set_number(int64_t row, uint64_t value) {
  values_.as<uint64_t>()[row] = value;
  set_bit(validity_.data(), row);
  ++set_;
}

void Column::set_bool(int64_t row, bool value) {
  if (value) set_bit(values_.data(), row);
  set_bit(validity_.data(), row);
  ++set_;
}

void Column::begin_list(int64_t row, uint64_t items) {
  if (items > static_cast<uint64_t>(INT32_MAX - items_))
    throw std::length_error("its lists hold more than 2^31 items in one batch");
  int32_t* offsets = offsets_.as<int32_t>();
  while (filled_ < row) offsets[++filled_] = static_cast<int32_t>(items_);
  items_ += static_cast<int64_t>(items);
  offsets[++filled_] = static_cast<int32_t>(items_);
  set_bit(validity_.data(), row);
  ++set_;
}

void Column::add_bytes(const void* bytes, size_t size) { values_.push(table_.code(bytes, size)); }

void Column::add_number(uint64_t value) { values_.push(value); }

void Column::add_bool(bool value) { values_.push<uint8_t>(value); }

Exported Column::give_values(int64_t length, int64_t nulls, Buffer* validity) {
  Exported values(kind_ == Kind::kBytes ? "i" : kind_ == Kind::kNumber ? "L" : "b", length, nulls);
  if (validity && nulls) {
    values.buffer(*validity);
  } else {
    values.no_buffer();
  }
  values.buffer(values_);
  if (kind_ == Kind::kBytes) values.dictionary(table_.give());
  return values;
}

Exported Column::give(const std::string& name) {
  if (!is_list_) {
    Exported column = give_values(rows_, rows_ - set_, &validity_);
    column.name(name);
    return column;
  }
  int32_t* offsets = offsets_.as<int32_t>();
  while (filled_ < rows_) offsets[++filled_] = static_cast<int32_t>(items_);
  if (kind_ == Kind::kBool) {  // items were kept a byte each until their number was known
    Buffer bits;
    bits.fill(static_cast<size_t>(items_ + 7) / 8, 0);
    for (int64_t i = 0; i < items_; ++i)
      if (values_.data()[i]) set_bit(bits.data(), i);
    values_.swap(bits);
  }
  Exported column("+l", rows_, rows_ - set_);
  if (set_ < rows_) {
    column.buffer(validity_);
  } else {
    column.no_buffer();
  }
  column.buffer(offsets_);
  Exported items = give_values(items_, 0, nullptr);
  items.name("item");
  column.child(std::move(items));
  column.name(name);
  return column;
}

}  // namespace falcowb
