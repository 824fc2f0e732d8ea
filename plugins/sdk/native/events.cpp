#include "events.hpp"

#include <cstring>

#include "text.hpp"

namespace fwb {

namespace {
constexpr size_t kHead = FALCO_PLUGIN_PAYLOAD_OFFSET;
}

char* Batch::begin(size_t most) {
  open_ = arena_.bytes(kHead + most, 8);
  return open_ + kHead;
}

void Batch::finish(uint64_t time, size_t size) {
  ss_plugin_event head;
  head.ts = time;
  head.tid = UINT64_MAX;
  head.len = static_cast<uint32_t>(kHead + size);
  head.type = FALCO_PLUGIN_EVENT_TYPE;
  head.nparams = 2;
  // Two lengths and the plugin id; the host puts in the id where it is 0.
  const uint32_t rest[3] = {4, static_cast<uint32_t>(size), 0};
  memcpy(open_, &head, sizeof(head));
  memcpy(open_ + sizeof(head), rest, sizeof(rest));
  arena_.shrink(open_, kHead + size);
  events_.push_back(reinterpret_cast<ss_plugin_event*>(open_));
  bytes_ += size;
}

void EventSink::event(const Document& doc, uint32_t token, uint64_t time) {
  std::string_view raw = doc.raw(token);
  if (raw.size() <= most_ && doc.is_compact(token)) return batch_->add(time, raw);
  char* out = batch_->begin(raw.size() + 64);
  size_t size = compact(raw.data(), raw.size(), out);
  // simdjson's own pass refuses odd bytes that the grammar let pass; then token by token.
  std::string slow;
  if (size == 0) {
    append_compact(doc, token, slow);
    size = slow.size();
    memcpy(out, slow.data(), size);
  }
  if (size > most_) {
    problem("an event of " + std::to_string(size) + " bytes is larger than maxEventSize (" +
            std::to_string(most_) + "); it is left out");
    return;
  }
  batch_->finish(time, size);
}

}  // namespace fwb
