// Which JSON values are audit events, and when each happened: upstream's rules.
#include "plugins/sdk/native/events.hpp"

#include <string>

#include "plugins/sdk/native/text.hpp"

namespace fwb_plugin {

using fwb::Document;
using fwb::EventSink;
using fwb::kNone;

namespace {

bool time_of(const Document& doc, uint32_t stamp, uint64_t* time) {
  if (!doc.is_string(stamp)) return false;
  std::string_view written = doc.inside(stamp);
  if (fwb::read_time(written, time)) return true;
  return written.find('\\') != std::string_view::npos &&
         fwb::read_time(fwb::unescaped(written), time);
}

void one_event(const Document& doc, uint32_t event, EventSink& sink) {
  uint32_t stamp = doc.get(event, "stageTimestamp");
  uint64_t time = 0;
  if (stamp == kNone) {
    sink.problem("an audit event without stageTimestamp; it is left out");
  } else if (!time_of(doc, stamp, &time)) {
    sink.problem("stageTimestamp is no time: " + std::string(doc.raw(stamp).substr(0, 64)) +
                 "; the audit event is left out");
  } else {
    sink.event(doc, event, time);
  }
}

}  // namespace

void audit_events(const Document& doc, uint32_t value, EventSink& sink) {
  if (doc.is_array(value)) {
    doc.elements(value, [&](uint32_t element) {
      audit_events(doc, element, sink);
      return true;
    });
    return;
  }
  uint32_t kind = doc.get(value, "kind");
  std::string_view name =
      kind != kNone && doc.is_string(kind) ? doc.inside(kind) : std::string_view();
  if (name == "Event") return one_event(doc, value, sink);
  uint32_t items = name == "EventList" ? doc.get(value, "items") : kNone;
  if (items == kNone || !doc.is_array(items)) {
    sink.problem("data not recognized as a k8s audit event: its kind is neither Event nor EventList");
    return;
  }
  doc.elements(items, [&](uint32_t item) {
    one_event(doc, item, sink);
    return true;
  });
}

}  // namespace fwb_plugin
