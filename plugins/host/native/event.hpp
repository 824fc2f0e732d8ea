// A plugin event as the API wants it: header, lengths, plugin id and payload in one piece of memory.
#pragma once

#include <cstdlib>
#include <cstring>
#include <new>
#include <stdexcept>

#include "library.hpp"

namespace falcowb {

// A larger event is refused: no source makes one, and a wrong length must not be believed.
constexpr uint32_t kMaxEvent = uint32_t{256} << 20;
constexpr size_t kPayload = FALCO_PLUGIN_PAYLOAD_OFFSET;

// Reuses one buffer for event after event; 64 readable bytes follow the payload.
class EventBuffer {
 public:
  EventBuffer() { grow(4096); }
  EventBuffer(const EventBuffer&) = delete;
  EventBuffer& operator=(const EventBuffer&) = delete;
  ~EventBuffer() { free(bytes_); }

  const ss_plugin_event* build(uint64_t time, uint32_t plugin_id, const uint8_t* payload,
                               uint32_t size) {
    if (size > capacity_) grow(size);
    ss_plugin_event header = {time, UINT64_MAX, static_cast<uint32_t>(kPayload + size),
                              FALCO_PLUGIN_EVENT_TYPE, 2};
    const uint32_t words[3] = {sizeof plugin_id, size, plugin_id};
    memcpy(bytes_, &header, sizeof header);
    memcpy(bytes_ + sizeof header, words, sizeof words);
    if (size) memcpy(bytes_ + kPayload, payload, size);
    memset(bytes_ + kPayload + size, 0, kPadding);
    return reinterpret_cast<const ss_plugin_event*>(bytes_);
  }

 private:
  static constexpr size_t kPadding = 64;

  void grow(size_t payload) {
    size_t capacity = capacity_ ? capacity_ : 4096;
    while (capacity < payload) capacity *= 2;
    auto* grown = static_cast<uint8_t*>(realloc(bytes_, kPayload + capacity + kPadding));
    if (!grown) throw std::bad_alloc();
    bytes_ = grown;
    capacity_ = capacity;
  }

  uint8_t* bytes_ = nullptr;
  size_t capacity_ = 0;
};

// The payload of `row`; throws std::out_of_range when the batch's offsets contradict its data.
inline const uint8_t* payload_of(const fh_events& events, int64_t row, uint32_t* size) {
  int64_t start = events.offsets[row], end = events.offsets[row + 1];
  if (start < 0 || end < start || end > events.data_size || end - start > kMaxEvent)
    throw std::out_of_range("the batch's offsets contradict its data");
  *size = static_cast<uint32_t>(end - start);
  return events.data + start;
}

}  // namespace falcowb
