#include <cstdlib>

#include "extract.hpp"
#include "text.hpp"

namespace fwb {

const char* text_of(const Document& doc, uint32_t token, Arena& arena) {
  switch (doc.first(token)) {
    case '"': {
      std::string_view written = doc.inside(token);
      if (!memchr(written.data(), '\\', written.size())) return arena.text(written);
      char* out = arena.bytes(written.size() + 1);
      size_t size = unescape(written, out);
      out[size] = '\0';
      arena.shrink(out, size + 1);
      return out;
    }
    case 't': return "true";
    case 'f': return "false";
    case 'n': return "null";
    case '{': case '[': {
      std::string_view written = doc.raw(token);
      char* out = arena.bytes(written.size() + 64);
      size_t size = compact(written.data(), written.size(), out);
      if (size == 0) {  // odd bytes, which that refuses
        std::string slow;
        append_compact(doc, token, slow);
        size = slow.size();
        memcpy(out, slow.data(), size);
      }
      out[size] = '\0';
      arena.shrink(out, size + 1);
      return out;
    }
    default: return arena.text(doc.raw(token));
  }
}

void Plan::find(Request& request, std::vector<std::string> keys) {
  size_t served = 0;
  request.slot = trie_.add(keys, &served);
  request.rest.assign(keys.begin() + static_cast<ptrdiff_t>(served), keys.end());
}

bool Plan::prepare_path(Request& request, std::string* problem) {
  std::vector<Step> steps;
  std::string why;
  if (!read_path(request.key, &steps, &why)) {
    *problem = std::string(request.field->name) + "[" + request.key + "]: " + why;
    return false;
  }
  std::vector<std::string> keys;
  size_t used = 0;
  if (steps[0].kind == Step::kName && !steps[0].quoted) {
    for (size_t i = 0; i < kPlugin.alias_count; ++i) {
      if (kPlugin.aliases[i].name == steps[0].name) {
        keys = pointer_keys(kPlugin.aliases[i].pointer);
        used = 1;
      }
    }
  }
  for (; used < steps.size() && steps[used].kind == Step::kName; ++used) {
    if (array_position(steps[used].name) >= 0) break;
    keys.push_back(steps[used].name);
  }
  size_t served = 0;
  request.slot = trie_.add(keys, &served);
  request.steps.assign(steps.begin() + static_cast<ptrdiff_t>(used), steps.end());
  return true;
}

bool Plan::prepare(const ss_plugin_extract_field* fields, uint32_t count, std::string* problem) {
  requests_.resize(count);
  single_.resize(count);
  gates_.resize(count);
  for (uint32_t i = 0; i < count; ++i) {
    Request& request = requests_[i];
    request.id = fields[i].field_id;
    request.has_argument = fields[i].arg_present != 0;
    request.index = fields[i].arg_index;
    request.has_key = fields[i].arg_key != nullptr;
    if (request.has_key) request.key = fields[i].arg_key;
    if (request.id >= kPlugin.field_count) {
      *problem = "there is no field number " + std::to_string(request.id);
      return false;
    }
    const FieldDeclaration& field = kPlugin.fields[request.id];
    request.field = &field;
    size_t served = 0;
    if (field.when) gates_[i].when = trie_.add(pointer_keys(field.when), &served);
    switch (field.how) {
      case How::kPointer:
        find(request, pointer_keys(field.pointer));
        break;
      case How::kPointerArgument:
        // Some hosts hand over the quotes of an empty quoted argument.
        if (request.key == "\"\"") request.key.clear();
        find(request, pointer_keys(request.key));
        break;
      case How::kPath:
        if (!prepare_path(request, problem)) return false;
        break;
      case How::kFunction:
        if (field.needs) gates_[i].needs = trie_.add(pointer_keys(field.needs), &served);
        for (size_t a = 0; a < field.anchor_count; ++a) {
          request.anchors.push_back(trie_.add(pointer_keys(field.anchors[a]), &served));
        }
        break;
      case How::kDocument:
      case How::kTime:
        break;
    }
    if (field.how != How::kFunction) gates_[i].needs = request.slot;
  }
  trie_.seal();
  return true;
}

bool Plan::serves(const ss_plugin_extract_field* fields, uint32_t count) const {
  if (count != requests_.size()) return false;
  for (uint32_t i = 0; i < count; ++i) {
    const Request& request = requests_[i];
    const ss_plugin_extract_field& field = fields[i];
    if (field.field_id != request.id || (field.arg_present != 0) != request.has_argument ||
        (field.arg_key != nullptr) != request.has_key) {
      return false;
    }
    if (request.has_argument && (field.arg_index != request.index ||
                                 (request.has_key && request.key != field.arg_key &&
                                  !(request.key.empty() && !strcmp(field.arg_key, "\"\""))))) {
      return false;
    }
  }
  return true;
}

void Plan::walk(const Document& doc, uint32_t token, const std::vector<Step>& steps, size_t at,
                Arena& arena) {
  for (; at < steps.size(); ++at) {
    const Step& step = steps[at];
    if (step.kind == Step::kEach) {
      if (doc.is_array(token)) {
        doc.elements(token, [&](uint32_t value) {
          walk(doc, value, steps, at + 1, arena);
          return true;
        });
      } else if (doc.is_object(token)) {
        doc.members(token, [&](uint32_t, uint32_t value) {
          walk(doc, value, steps, at + 1, arena);
          return true;
        });
      }
      return;
    }
    if (step.kind == Step::kPosition) {
      token = doc.is_array(token) ? doc.element(token, step.position) : kNone;
    } else {
      token = doc.is_array(token) && step.quoted ? kNone : doc.get(token, step.name);
    }
    if (token == kNone) return;
  }
  if (!doc.is_null(token)) values_.push_back(text_of(doc, token, arena));
}

bool Plan::put_number(const Request& request, const Document& doc, uint32_t token, Arena& arena,
                      ss_plugin_extract_field& out) {
  std::string_view raw = doc.raw(token);
  if (request.field->type == FTYPE_BOOL) {
    if (raw != "true" && raw != "false") return false;
    out.res.boolean = arena.array<ss_plugin_bool>(1);
    out.res.boolean[0] = raw == "true";
    return true;
  }
  uint64_t value = 0;
  if (request.field->type == FTYPE_ABSTIME && doc.is_string(token)) {
    if (!read_time(doc.inside(token), &value)) return false;
  } else {
    if (raw.empty() || raw.size() > 20) return false;
    for (char c : raw) {
      if (c < '0' || c > '9') return false;
      uint64_t digit = static_cast<uint64_t>(c - '0');
      if (value > (UINT64_MAX - digit) / 10) return false;
      value = value * 10 + digit;
    }
  }
  out.res.u64 = arena.array<uint64_t>(1);
  out.res.u64[0] = value;
  return true;
}

void Plan::put_value(const Request& request, const Document& doc, uint32_t token, Arena& arena,
                     ss_plugin_extract_field& out) {
  for (const std::string& key : request.rest) token = doc.get(token, key);
  if (token == kNone || (doc.is_null(token) && !request.field->null_is_text)) return;
  size_t i = static_cast<size_t>(&request - requests_.data());
  if (request.field->is_list) {
    if (!doc.is_array(token)) return;
    doc.elements(token, [&](uint32_t value) {
      values_.push_back(text_of(doc, value, arena));
      return true;
    });
  } else if (request.field->type == FTYPE_STRING) {
    single_[i] = text_of(doc, token, arena);
    out.res.str = &single_[i];
    out.res_len = 1;
  } else if (put_number(request, doc, token, arena, out)) {
    out.res_len = 1;
  }
}

void Plan::run(const Document& doc, uint64_t time, Arena& arena,
               ss_plugin_extract_field* fields) {
  const uint32_t* slots = trie_.fill(doc);
  for (size_t i = 0; i < requests_.size(); ++i) {
    if (slots[gates_[i].needs] == kNone || slots[gates_[i].when] >= kBeyond) continue;
    Request& request = requests_[i];
    ss_plugin_extract_field& out = fields[i];
    values_.clear();
    switch (request.field->how) {
      case How::kPointer:
      case How::kPointerArgument:
        if (slots[request.slot] < kBeyond) put_value(request, doc, slots[request.slot], arena, out);
        break;
      case How::kPath:
        if (slots[request.slot] < kBeyond) {
          walk(doc, slots[request.slot], request.steps, 0, arena);
        }
        break;
      case How::kFunction: {
        FieldCall call(doc, arena, values_, scratch_);
        call.has_argument = request.has_argument;
        call.index = request.index;
        call.key = request.key;
        call.slots_ = slots;
        call.anchors_ = request.anchors.data();
        call.parameters_ = request.field->parameters;
        call.parameter_count_ = request.field->parameter_count;
        request.field->function(call);
        break;
      }
      case How::kDocument: {
        if (doc.has_raw_controls()) break;
        std::string text;
        append_indented(doc, text);
        values_.push_back(arena.text(text));
        break;
      }
      case How::kTime:
        values_.push_back(arena.text(std::to_string(time)));
        break;
    }
    if (!values_.empty()) {
      out.res_len = request.field->is_list ? values_.size() : 1;
      out.res.str = arena.array<const char*>(out.res_len);
      memcpy(out.res.str, values_.data(), out.res_len * sizeof(const char*));
    }
  }
}

}  // namespace fwb
