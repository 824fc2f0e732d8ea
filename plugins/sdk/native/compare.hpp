// Comparing short texts without a call, which would cost more than the comparison.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace fwb {

template <class Word>
inline Word word_at(const char* at) {
  Word word;
  memcpy(&word, at, sizeof word);
  return word;
}

inline bool same_bytes(const char* a, const char* b, size_t size) {
  if (size >= 8) {
    const size_t last = size - 8;
    for (size_t at = 0; at < last; at += 8) {
      if (word_at<uint64_t>(a + at) != word_at<uint64_t>(b + at)) return false;
    }
    return word_at<uint64_t>(a + last) == word_at<uint64_t>(b + last);
  }
  if (size >= 4) {
    return word_at<uint32_t>(a) == word_at<uint32_t>(b) &&
           word_at<uint32_t>(a + size - 4) == word_at<uint32_t>(b + size - 4);
  }
  for (size_t at = 0; at < size; ++at) {
    if (a[at] != b[at]) return false;
  }
  return true;
}

}  // namespace fwb
