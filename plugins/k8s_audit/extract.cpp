// Fields that are more than a value at a pointer. The answers are those of upstream's k8saudit
// plugin, oddities included: rules were written against them.
//
// "Values along keys" (collect) steps through every array it meets on the way, or through the one
// element that the field's index names. An element that has no such value counts as a gap, which
// each field treats in its own way.
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/sdk/native/fields.hpp"
#include "plugins/sdk/native/text.hpp"
#include "uri.hpp"

namespace fwb_plugin {

using fwb::Document;
using fwb::FieldCall;
using fwb::kNone;

namespace {

constexpr int64_t kAll = -1;

using Keys = fwb::Span<const std::string_view>;
using Tokens = std::vector<uint32_t>;

// A key for argument comes with the index -1 from Falco, which upstream takes for "all".
int64_t index_of(const FieldCall& call) {
  if (!call.has_argument || call.index == UINT64_MAX) return kAll;
  return static_cast<int64_t>(call.index > INT64_MAX ? INT64_MAX : call.index);
}

bool collect(const Document& doc, uint32_t token, Keys keys, size_t at, int64_t index,
             Tokens& out) {
  for (; at < keys.size; ++at) {
    if (doc.is_array(token)) {
      if (index == kAll) {
        doc.elements(token, [&](uint32_t value) {
          if (!collect(doc, value, keys, at, index, out)) out.push_back(kNone);
          return true;
        });
        return true;
      }
      token = doc.element(token, static_cast<uint64_t>(index));
      if (token == kNone) return false;
    }
    if (!keys[at].empty()) token = doc.get(token, keys[at]);
    if (token == kNone) return false;
  }
  out.push_back(token);
  return true;
}

// Puts the values along the declared keys (which begin below requestObject) into call.tokens.
// Anchors of these fields: requestObject, requestObject.spec, requestObject.spec.LIST; the last is
// a short cut for the usual shape.
bool collect_anchored(FieldCall& call, int64_t index) {
  const Document& doc = call.doc;
  Keys keys = call.parameters();
  Tokens& out = call.tokens;
  uint32_t request = call.anchor(0);
  uint32_t spec = call.anchor(1);
  if (doc.is_object(request) && (spec == kNone || doc.is_object(spec))) {
    uint32_t list = call.anchor(2);
    return list != kNone && collect(doc, list, keys, 2, index, out);
  }
  return collect(doc, request, keys, 0, index, out);
}

// The same; false where there is a gap.
bool collect_whole(FieldCall& call, int64_t index) {
  if (!collect_anchored(call, index)) return false;
  for (uint32_t token : call.tokens) {
    if (token == kNone) return false;
  }
  return true;
}

std::string_view repository(std::string_view image) {
  image = image.substr(0, image.find(':'));
  return image.substr(0, image.find('@'));
}

std::string_view string_inside(const Document& doc, uint32_t token) {
  return token != kNone && doc.is_string(token) ? doc.inside(token) : std::string_view();
}

}  // namespace

// Deprecated upstream; it has always been "true".
void always_true(FieldCall& call) { call.add_constant("true"); }

// Values along the declared keys; gaps are left out.
void values(FieldCall& call) {
  if (!collect_anchored(call, index_of(call))) return;
  for (uint32_t token : call.tokens) {
    if (token != kNone) call.add(token);
  }
}

// The same, but one gap and there is no value at all.
void whole_values(FieldCall& call) {
  if (!collect_whole(call, index_of(call))) return;
  for (uint32_t token : call.tokens) call.add(token);
}

void repositories(FieldCall& call) {
  if (!collect_whole(call, index_of(call))) return;
  for (uint32_t token : call.tokens) call.add(repository(fwb::text_of(call.doc, token, call.arena)));
}

void first_image(FieldCall& call) {
  if (collect_whole(call, 0)) call.add(call.tokens[0]);
}

void first_repository(FieldCall& call) {
  if (collect_whole(call, 0)) {
    call.add(repository(fwb::text_of(call.doc, call.tokens[0], call.arena)));
  }
}

// Arrays of strings, each joined by spaces (commands, arguments). Any other shape: no value.
void joined(FieldCall& call) {
  const Document& doc = call.doc;
  if (!collect_anchored(call, index_of(call))) return;
  for (uint32_t token : call.tokens) {
    if (token == kNone) continue;
    if (!doc.is_array(token)) return call.clear();
    std::string line;
    bool strings = true;
    bool first = true;
    doc.elements(token, [&](uint32_t word) {
      strings = doc.is_string(word);
      if (!strings) return false;
      if (!first) line += ' ';
      first = false;
      line += fwb::unescaped(doc.inside(word));
      return true;
    });
    if (!strings) return call.clear();
    call.add(line);
  }
}

// hostPort of every port, or its containerPort (the same port when the pod is on the host's net).
void host_ports(FieldCall& call) {
  const Document& doc = call.doc;
  if (!collect_anchored(call, index_of(call))) return;
  for (uint32_t token : call.tokens) {
    if (token == kNone) continue;
    if (!doc.is_array(token)) return call.clear();
    doc.elements(token, [&](uint32_t port) {
      uint32_t number = doc.get(port, "hostPort");
      if (number == kNone) number = doc.get(port, "containerPort");
      if (number != kNone) call.add(number);
      return true;
    });
  }
}

void any_privileged(FieldCall& call) {
  if (!collect_anchored(call, kAll)) return;
  for (uint32_t token : call.tokens) {
    if (token != kNone && call.doc.first(token) == 't') return call.add_constant("true");
  }
  call.add_constant("false");
}

// The id of each container, else the one beside the list, else 0. Upstream looks for it right in
// the container and the spec, not in their security contexts.
void effective_ids(FieldCall& call) {
  const Document& doc = call.doc;
  Keys keys = call.parameters();
  const char* fallback = "0";
  uint32_t own = doc.get(doc.get(call.anchor(0), keys[0]), keys[2]);
  if (own != kNone) fallback = fwb::text_of(doc, own, call.arena);
  if (!collect_anchored(call, index_of(call))) return;
  for (uint32_t token : call.tokens) {
    if (token == kNone) {
      call.add_constant(fallback);
    } else {
      call.add(token);
    }
  }
}

// One array of every rule of a role, joined into one list. Anchor: requestObject.
void role_rules(FieldCall& call) {
  const Document& doc = call.doc;
  Tokens& found = call.tokens;
  if (!collect(doc, call.anchor(0), call.parameters(), 0, index_of(call), found)) return;
  for (uint32_t token : call.tokens) {
    if (token == kNone || !doc.is_array(token)) continue;
    doc.elements(token, [&](uint32_t value) {
      call.add(value);
      return true;
    });
  }
}

// Whether a volume mounts the host path of the argument; a `*` at its end makes it a prefix.
void has_host_path(FieldCall& call) {
  if (!collect_anchored(call, index_of(call))) return;
  std::string_view wanted = call.key;
  bool prefix = !wanted.empty() && wanted.back() == '*';
  std::string_view head = prefix ? wanted.substr(0, wanted.size() - 1) : wanted;
  for (uint32_t token : call.tokens) {
    if (token == kNone) continue;
    std::string_view path = fwb::text_of(call.doc, token, call.arena);
    if (path == wanted || (prefix && path.substr(0, head.size()) == head)) {
      return call.add_constant("true");
    }
  }
  call.add_constant("false");
}

// Every key of every volume but its name.
void volume_types(FieldCall& call) {
  const Document& doc = call.doc;
  if (!collect_anchored(call, index_of(call))) return;
  for (uint32_t token : call.tokens) {
    if (token == kNone || !doc.is_object(token)) continue;
    doc.members(token, [&](uint32_t name, uint32_t) {
      std::string key = fwb::unescaped(doc.inside(name));
      if (key != "name") call.add(key);
      return true;
    });
  }
}

// Names of the subjects of a role binding that are of one kind. Anchor: requestObject.subjects.
void subject_names(FieldCall& call) {
  const Document& doc = call.doc;
  uint32_t subjects = call.anchor(0);
  if (!doc.is_array(subjects)) return;
  std::string_view kind = call.parameters()[0];
  bool with_namespace = call.parameters().size > 1;
  doc.elements(subjects, [&](uint32_t subject) {
    uint32_t its_kind = doc.get(subject, "kind");
    uint32_t name = doc.get(subject, "name");
    if (its_kind == kNone || name == kNone) return true;
    if (kind != fwb::text_of(doc, its_kind, call.arena)) return true;
    if (!with_namespace) {
      call.add(name);
      return true;
    }
    uint32_t space = doc.get(subject, "namespace");
    if (space == kNone) return true;
    std::string full = fwb::text_of(doc, space, call.arena);
    full += ':';
    full += fwb::text_of(doc, name, call.arena);
    call.add(full);
    return true;
  });
}

// Anchors: responseObject.metadata.name, objectRef.resource, objectRef.subresource.
void target_pod_name(FieldCall& call) {
  std::string_view resource = string_inside(call.doc, call.anchor(1));
  std::string_view subresource = string_inside(call.doc, call.anchor(2));
  if (resource == "pods" && subresource.empty()) call.add(call.anchor(0));
}

// Anchor: requestURI.
void uri_parameter(FieldCall& call) {
  std::string value;
  if (query_parameter(fwb::text_of(call.doc, call.anchor(0), call.arena), call.key, &value)) {
    call.add(value);
  }
}

}  // namespace fwb_plugin
