// An open source: gathering the plugin's small batches into large ones, checking every event.
#include <time.h>

#include <algorithm>
#include <exception>
#include <memory>

#include "arrow.hpp"
#include "event.hpp"

using falcowb::Buffer;
using falcowb::kNoEvent;
using falcowb::refuse;

struct fh_source {
  fh_library* library;
  ss_instance_t* instance = nullptr;
  uint32_t id = 0;

  // The plugin's batch that is being read; its memory is the plugin's until the next next_batch.
  ss_plugin_event** events = nullptr;
  uint32_t count = 0;
  uint32_t position = 0;
  int last = SS_PLUGIN_SUCCESS;  // what next_batch returned along with it

  size_t usual_bytes = 0;  // payload of the latest large batch
};

namespace {

constexpr const char* kFunction = "next_batch";
constexpr uint32_t kMaxBatch = uint32_t{1} << 24;
constexpr int64_t kMaxBatchBytes = INT32_MAX;

enum Outcome { kMore = 0, kNothingYet = 1, kEnded = 2, kFailed = 3 };

int64_t clock_ns(clockid_t clock) {
  timespec now;
  clock_gettime(clock, &now);
  return int64_t{now.tv_sec} * 1000000000 + now.tv_nsec;
}

struct Payload {
  const uint8_t* bytes;
  uint32_t size;
  int64_t time;
};

// The large batch under construction.
class Gathering {
 public:
  explicit Gathering(fh_source& source, uint64_t first_num) : source_(source), num_(first_num) {
    offsets_.push<int32_t>(0);
    // Batches of a source tend to be alike: room for one more spares growing, which copies.
    data_.reserve(source.usual_bytes + source.usual_bytes / 16);
  }

  int64_t rows() const { return rows_; }
  int64_t bytes() const { return static_cast<int64_t>(data_.size()); }
  uint64_t num() const { return num_; }

  void add(const Payload& event) {
    nums_.push(num_++);
    times_.push(event.time);
    ids_.push(source_.id);
    data_.append(event.bytes, event.size);
    offsets_.push(static_cast<int32_t>(data_.size()));
    ++rows_;
  }

  void give(ArrowArray* array, ArrowSchema* schema) {
    source_.usual_bytes = data_.size();
    falcowb::Exported all("+s", rows_, 0);
    all.no_buffer();
    all.nullable(false);
    column(all, "num", "L", nums_);
    column(all, "time", "tsn:UTC", times_);
    column(all, "plugin_id", "I", ids_);
    falcowb::Exported data("z", rows_, 0);
    data.name("data");
    data.nullable(false);
    data.no_buffer();
    data.buffer(offsets_);
    data.buffer(data_);
    all.child(std::move(data));
    all.give(array, schema);
  }

 private:
  void column(falcowb::Exported& all, const char* name, const char* format, Buffer& values) {
    falcowb::Exported one(format, rows_, 0);
    one.name(name);
    one.nullable(false);
    one.no_buffer();
    one.buffer(values);
    all.child(std::move(one));
  }

  fh_source& source_;
  uint64_t num_;
  int64_t rows_ = 0;
  Buffer nums_, times_, ids_, offsets_, data_;
};

// Checks an event as far as its own header lets one, before believing any of its lengths.
int read_event(const fh_source& source, const ss_plugin_event* event, uint64_t num, Payload* out,
               fh_error* error) {
  if (!event) return refuse(error, kFunction, num, "gave a null pointer for an event");
  ss_plugin_event header;
  memcpy(&header, event, sizeof header);
  if (header.type != FALCO_PLUGIN_EVENT_TYPE || header.nparams != 2)
    return refuse(error, kFunction, num,
                  "gave a malformed event: type %u with %u parameters; a plugin event has type %d "
                  "and 2 parameters",
                  header.type, header.nparams, FALCO_PLUGIN_EVENT_TYPE);
  if (header.len < falcowb::kPayload || header.len > falcowb::kMaxEvent)
    return refuse(error, kFunction, num, "gave a malformed event: its length is %u bytes",
                  header.len);
  const auto* bytes = reinterpret_cast<const uint8_t*>(event);
  uint32_t words[3];  // length of the id, length of the payload, the id
  memcpy(words, bytes + sizeof header, sizeof words);
  if (words[0] != sizeof(uint32_t) || words[1] != header.len - falcowb::kPayload)
    return refuse(error, kFunction, num,
                  "gave a malformed event: its parameters have %u and %u bytes, but the event has %u",
                  words[0], words[1], header.len);
  if (words[2] != 0 && words[2] != source.id)
    return refuse(error, kFunction, num, "gave an event of plugin id %u; its own id is %u", words[2],
                  source.id);
  out->bytes = bytes + falcowb::kPayload;
  out->size = words[1];
  // UINT64_MAX asks for the present. Arrow's timestamps are signed and end in 2262.
  out->time = header.ts == UINT64_MAX
                  ? clock_ns(CLOCK_REALTIME)
                  : static_cast<int64_t>(std::min<uint64_t>(header.ts, INT64_MAX));
  return 1;
}

// Asks the plugin for its next small batch.
int ask(fh_source& source, uint64_t num, fh_error* error) {
  source.events = nullptr;
  source.count = 0;
  source.position = 0;
  source.last = source.library->api.next_batch(source.library->state, source.instance,
                                               &source.count, &source.events);
  if (source.count > kMaxBatch)
    return refuse(error, kFunction, num, "claims %u events at once", source.count);
  if (source.count && !source.events)
    return refuse(error, kFunction, num, "claims %u events but gives a null pointer", source.count);
  if (!source.count && source.last == SS_PLUGIN_SUCCESS)
    return refuse(error, kFunction, num, "returned success without any event");
  return 1;
}

Outcome gather(fh_source& source, Gathering& into, int64_t max_events, int64_t max_bytes,
               int64_t budget_ns, fh_error* error) {
  const int64_t deadline = clock_ns(CLOCK_MONOTONIC) + budget_ns;
  for (;;) {
    while (source.position < source.count) {
      if (into.rows() >= max_events || into.bytes() >= max_bytes) return kMore;
      Payload event = {};
      if (!read_event(source, source.events[source.position], into.num(), &event, error)) {
        source.count = 0;
        source.last = SS_PLUGIN_EOF;
        return kFailed;
      }
      if (into.bytes() + event.size > kMaxBatchBytes) return kMore;
      into.add(event);
      ++source.position;
    }
    switch (source.last) {
      case SS_PLUGIN_SUCCESS:
        break;
      case SS_PLUGIN_TIMEOUT:
        source.last = SS_PLUGIN_SUCCESS;
        if (into.rows() || clock_ns(CLOCK_MONOTONIC) >= deadline) return kNothingYet;
        break;
      case SS_PLUGIN_EOF:
        return kEnded;
      default: {
        refuse(error, kFunction, into.num(), "failed (code %d): %s", source.last,
               source.library->last_error().c_str());
        source.last = SS_PLUGIN_EOF;
        return kFailed;
      }
    }
    if (into.rows() >= max_events || into.bytes() >= max_bytes ||
        (into.rows() && clock_ns(CLOCK_MONOTONIC) >= deadline))
      return kMore;
    if (!ask(source, into.num(), error)) {
      source.count = 0;
      source.last = SS_PLUGIN_EOF;
      return kFailed;
    }
  }
}

}  // namespace

extern "C" {

fh_source* fh_source_open(fh_library* library, const char* params, fh_error* error) {
  try {
    auto source = std::make_unique<fh_source>();
    source->library = library;
    source->id = fh_id(library);
    library->sources.reserve(library->sources.size() + 1);
    ss_plugin_rc rc = SS_PLUGIN_FAILURE;
    source->instance = library->api.open(library->state, params, &rc);
    if (rc != SS_PLUGIN_SUCCESS) {
      refuse(error, "open", kNoEvent, "failed (code %d): %s", static_cast<int>(rc),
             library->last_error().c_str());
      // As Falco does: an instance that came with the failure is closed all the same.
      if (source->instance) library->api.close(library->state, source->instance);
      return nullptr;
    }
    library->sources.push_back(source.get());
    return source.release();
  } catch (const std::exception& thrown) {
    refuse(error, "open", kNoEvent, "%s", thrown.what());
    return nullptr;
  }
}

int fh_source_next(fh_source* source, uint64_t first_num, int64_t max_events, int64_t max_bytes,
                   int64_t budget_ns, struct ArrowArray* array, struct ArrowSchema* schema,
                   fh_error* error) {
  array->release = nullptr;
  schema->release = nullptr;
  uint64_t num = first_num;
  try {
    Gathering gathered(*source, first_num);
    Outcome outcome;
    try {
      outcome = gather(*source, gathered, max_events, max_bytes, budget_ns, error);
    } catch (const std::exception& thrown) {
      refuse(error, kFunction, gathered.num(), "%s", thrown.what());
      source->count = 0;
      source->last = SS_PLUGIN_EOF;
      outcome = kFailed;
    }
    num = gathered.num();
    gathered.give(array, schema);
    return outcome;
  } catch (const std::exception& thrown) {
    refuse(error, kFunction, num, "%s", thrown.what());
    return kFailed;
  }
}

int64_t fh_source_progress(fh_source* source, fh_text* out, fh_error* error) {
  *out = {nullptr, 0};
  if (!source->library->api.get_progress) return -1;
  try {
    uint32_t hundredths = 0;
    const char* text = source->library->api.get_progress(source->library->state, source->instance,
                                                         &hundredths);
    if (!falcowb::copy_text(text, out)) {
      refuse(error, "get_progress", kNoEvent, "gave text that does not end");
      return -2;
    }
    return std::min<uint32_t>(hundredths, 10000);
  } catch (const std::exception& thrown) {
    refuse(error, "get_progress", kNoEvent, "%s", thrown.what());
    return -2;
  }
}

void fh_source_close(fh_source* source) {
  auto& open = source->library->sources;
  open.erase(std::remove(open.begin(), open.end(), source), open.end());
  try {
    source->library->api.close(source->library->state, source->instance);
  } catch (const std::exception&) {
    // The source is gone for us either way.
  }
  delete source;
}

}  // extern "C"
