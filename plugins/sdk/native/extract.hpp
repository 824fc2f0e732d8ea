// Field extraction: requests become plans, plans are run over events.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "arena.hpp"
#include "declaration.hpp"
#include "document.hpp"
#include "fields.hpp"
#include "path.hpp"
#include "trie.hpp"

namespace fwb {

// The payload of a plugin event; false if the event is none.
bool payload_of(const ss_plugin_event* event, std::string_view* payload);

// The fields of one call, prepared: paths parsed and put into a trie.
class Plan {
 public:
  // False, with a problem in words, if a request makes no sense.
  bool prepare(const ss_plugin_extract_field* fields, uint32_t count, std::string* problem);
  bool serves(const ss_plugin_extract_field* fields, uint32_t count) const;
  void run(const Document& doc, uint64_t time, Arena& arena,
           ss_plugin_extract_field* fields);

 private:
  struct Request {
    const FieldDeclaration* field = nullptr;
    uint32_t id = 0;
    bool has_argument = false;
    bool has_key = false;
    uint64_t index = 0;
    std::string key;

    uint32_t slot = 0;              // where the trie leads
    std::vector<std::string> rest;  // keys beyond the trie
    std::vector<Step> steps;        // steps beyond the trie
    std::vector<uint32_t> anchors;
  };

  bool prepare_path(Request& request, std::string* problem);
  void find(Request& request, std::vector<std::string> keys);
  void walk(const Document& doc, uint32_t token, const std::vector<Step>& steps, size_t at,
            Arena& arena);
  void put_value(const Request& request, const Document& doc, uint32_t token, Arena& arena,
                 ss_plugin_extract_field& out);
  bool put_number(const Request& request, const Document& doc, uint32_t token, Arena& arena,
                  ss_plugin_extract_field& out);

  // What decides first whether a field can have a value, apart from the rest for speed.
  struct Gate {
    uint32_t when = 0;   // slot that must have a value
    uint32_t needs = 0;  // slot that must not be certainly absent
  };

  Trie trie_;
  std::vector<Gate> gates_;
  std::vector<Request> requests_;
  std::vector<const char*> single_;
  std::vector<const char*> values_;
  std::vector<uint32_t> scratch_;
};

class Extractor {
 public:
  ss_plugin_rc extract(const ss_plugin_event_input* event, const ss_plugin_field_extract_input* in,
                       std::string* problem);

 private:
  Plan* plan_for(const ss_plugin_extract_field* fields, uint32_t count, std::string* problem);
  // Reads an event's payload into doc_, which stays for later calls if it is to be kept.
  bool load(const ss_plugin_event_input* event, bool keep, std::string* problem);

  Document doc_;
  Arena arena_;
  std::vector<std::unique_ptr<Plan>> plans_;
  Plan* last_ = nullptr;

  // The event read last: hosts may ask field by field.
  std::string payload_;
  uint64_t number_ = 0;
  bool kept_ = false;
};

}  // namespace fwb
