#include "extract.hpp"

#include <cstring>

namespace fwb {

namespace {

constexpr size_t kMostPlans = 256;

}  // namespace

bool payload_of(const ss_plugin_event* event, std::string_view* payload) {
  constexpr uint32_t kHead = FALCO_PLUGIN_PAYLOAD_OFFSET;
  if (!event || event->type != FALCO_PLUGIN_EVENT_TYPE || event->nparams != 2 ||
      event->len < kHead) {
    return false;
  }
  const char* bytes = reinterpret_cast<const char*>(event);
  uint32_t lengths[2];
  memcpy(lengths, bytes + sizeof(ss_plugin_event), sizeof(lengths));
  if (lengths[0] != 4 || lengths[1] > event->len - kHead) return false;
  *payload = {bytes + kHead, lengths[1]};
  return true;
}

bool Extractor::load(const ss_plugin_event_input* event, bool keep, std::string* problem) {
  std::string_view payload;
  if (!payload_of(event->evt, &payload)) {
    *problem = "event " + std::to_string(event->evtnum) + " is not an event of a plugin";
    return false;
  }
  // The number alone does not name an event: a host may begin anew.
  if (kept_ && number_ == event->evtnum && payload == payload_) return true;
  kept_ = false;
  if (keep) {
    payload_.assign(payload.data(), payload.size());
    number_ = event->evtnum;
    payload = payload_;
  }
  bool begins = !payload.empty() && (payload[0] == '{' || payload[0] == '[');
  bool loaded = begins && doc_.parse(payload.data(), payload.size());
  kept_ = keep && loaded;
  if (!loaded) {
    *problem = "event " + std::to_string(event->evtnum) + " is not JSON: " +
               (begins ? std::string(doc_.problem()) + " at byte " +
                             std::to_string(doc_.problem_at() + 1)
                       : std::string("it begins with neither '{' nor '['"));
  }
  return loaded;
}

Plan* Extractor::plan_for(const ss_plugin_extract_field* fields, uint32_t count,
                          std::string* problem) {
  if (last_ && last_->serves(fields, count)) return last_;
  for (auto& plan : plans_) {
    if (plan->serves(fields, count)) return last_ = plan.get();
  }
  auto plan = std::make_unique<Plan>();
  if (!plan->prepare(fields, count, problem)) return nullptr;
  if (plans_.size() >= kMostPlans) plans_.clear();
  plans_.push_back(std::move(plan));
  return last_ = plans_.back().get();
}

ss_plugin_rc Extractor::extract(const ss_plugin_event_input* event,
                                const ss_plugin_field_extract_input* in, std::string* problem) {
  for (uint32_t i = 0; i < in->num_fields; ++i) in->fields[i].res_len = 0;
  arena_.reset();
  Plan* plan = plan_for(in->fields, in->num_fields, problem);
  // Hosts that ask for many fields at once ask once an event; others may come back for the next.
  if (!plan || !load(event, in->num_fields == 1, problem)) return SS_PLUGIN_FAILURE;
  plan->run(doc_, event->evt->ts, arena_, in->fields);
  return SS_PLUGIN_SUCCESS;
}

}  // namespace fwb
