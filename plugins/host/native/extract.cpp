// The batch extractor: every event of a batch, all wanted fields of an event in one call.
#include <exception>
#include <memory>

#include "columns.hpp"
#include "event.hpp"

using falcowb::Column;
using falcowb::Kind;
using falcowb::refuse;

struct fh_request {
  struct Field {
    std::string name;
    std::string key;
    bool has_key;
    uint32_t type;
    bool is_list;
  };

  fh_library* library;
  std::string source;
  std::vector<Field> fields;
  std::vector<ss_plugin_extract_field> asked;  // points into `fields`
};

namespace {

constexpr const char* kFunction = "extract_fields";
constexpr uint64_t kMaxItems = uint64_t{1} << 24;  // of one list field of one event

Kind kind_of(uint32_t type) {
  switch (type) {
    case FTYPE_UINT64:
    case FTYPE_RELTIME:
    case FTYPE_ABSTIME:
      return Kind::kNumber;
    case FTYPE_BOOL:
      return Kind::kBool;
    default:
      return Kind::kBytes;
  }
}

// What is wrong with an answer, with the field's name; becomes an error that names the event too.
struct BadAnswer : std::exception {
  std::string text;
  BadAnswer(const fh_request::Field& field, const std::string& what)
      : text("field " + field.name + ": " + what) {}
  const char* what() const noexcept override { return text.c_str(); }
};

struct View {
  const void* bytes;
  size_t size;
};

View bytes_at(const fh_request::Field& field, const ss_plugin_extract_field& answer, uint64_t item) {
  if (field.type == FTYPE_STRING) {
    const char* text = answer.res.str[item];
    if (!text) throw BadAnswer(field, "value " + std::to_string(item) + " is a null pointer");
    size_t size = strnlen(text, falcowb::kMaxText);
    if (size == falcowb::kMaxText)
      throw BadAnswer(field, "a text does not end within " + std::to_string(size) + " bytes");
    return {text, size};
  }
  const ss_plugin_byte_buffer& buffer = answer.res.buf[item];
  if (buffer.len != 4 && buffer.len != 16)
    throw BadAnswer(field, "an address has " + std::to_string(buffer.len) +
                               " bytes; it should have 4 or 16");
  if (!buffer.ptr)
    throw BadAnswer(field, "value " + std::to_string(item) + " is a null pointer");
  return {buffer.ptr, buffer.len};
}

void store(const fh_request::Field& field, const ss_plugin_extract_field& answer, int64_t row,
           Column& column) {
  if (!answer.res_len) return;
  if (!answer.res.str)
    throw BadAnswer(field, "claims " + std::to_string(answer.res_len) +
                               " value(s) but gives a null pointer");
  if (!field.is_list) {
    if (answer.res_len != 1)
      throw BadAnswer(field, "claims " + std::to_string(answer.res_len) +
                                 " values; it is not a list and has one at most");
    switch (column.kind()) {
      case Kind::kBytes: {
        View view = bytes_at(field, answer, 0);
        column.set_bytes(row, view.bytes, view.size);
        return;
      }
      case Kind::kNumber:
        column.set_number(row, answer.res.u64[0]);
        return;
      case Kind::kBool:
        column.set_bool(row, answer.res.boolean[0] != 0);
        return;
    }
  }
  if (answer.res_len > kMaxItems)
    throw BadAnswer(field, "claims " + std::to_string(answer.res_len) + " values in one event");
  column.begin_list(row, answer.res_len);
  for (uint64_t item = 0; item < answer.res_len; ++item) {
    switch (column.kind()) {
      case Kind::kBytes: {
        View view = bytes_at(field, answer, item);
        column.add_bytes(view.bytes, view.size);
        break;
      }
      case Kind::kNumber:
        column.add_number(answer.res.u64[item]);
        break;
      case Kind::kBool:
        column.add_bool(answer.res.boolean[item] != 0);
        break;
    }
  }
}

void forget_answers(std::vector<ss_plugin_extract_field>& asked) {
  for (auto& field : asked) {
    field.res.str = nullptr;
    field.res_len = 0;
  }
}

class Extraction {
 public:
  Extraction(fh_request& request, const fh_events& events, fh_failures* failures)
      : request_(request), events_(events), failures_(failures) {
    columns_.reserve(request.fields.size());
    for (const auto& field : request.fields)
      columns_.emplace_back(
          std::make_unique<Column>(kind_of(field.type), field.is_list, events.rows));
    in_.owner = request.library;
    in_.get_owner_last_error = falcowb::owner_last_error;
    in_.table_reader = falcowb::no_reader();
    in_.table_reader_ext = falcowb::no_reader_ext();
    input_.evtsrc = request.source.c_str();
  }

  void run() {
    for (row_ = 0; row_ < events_.rows; ++row_) {
      uint32_t size = 0;
      const uint8_t* payload = falcowb::payload_of(events_, row_, &size);
      input_.evt = event_.build(static_cast<uint64_t>(events_.time[row_]),
                                events_.plugin_id[row_], payload, size);
      input_.evtnum = events_.num[row_];
      if (call(0, request_.asked.size()) != SS_PLUGIN_SUCCESS) {
        each_alone();
        continue;
      }
      for (size_t i = 0; i < columns_.size(); ++i)
        store(request_.fields[i], request_.asked[i], row_, *columns_[i]);
    }
  }

  uint64_t event() const { return row_ < events_.rows ? events_.num[row_] : falcowb::kNoEvent; }

  falcowb::Exported give() {
    falcowb::Exported all("+s", events_.rows, 0);
    all.no_buffer();
    for (size_t i = 0; i < columns_.size(); ++i)
      all.child(columns_[i]->give(request_.fields[i].name));
    return all;
  }

 private:
  ss_plugin_rc call(size_t first, size_t count) {
    forget_answers(request_.asked);
    in_.fields = request_.asked.data() + first;
    in_.num_fields = static_cast<uint32_t>(count);
    return request_.library->api.extract_fields(request_.library->state, &input_, &in_);
  }

  // Many plugins stop at the first field that fails. Falco asks for fields one by one, so there
  // the others still have their values, and the failing one has none: the same holds here.
  void each_alone() {
    uint64_t failed = 0;
    for (size_t i = 0; i < columns_.size(); ++i) {
      if (call(i, 1) == SS_PLUGIN_SUCCESS) {
        store(request_.fields[i], request_.asked[i], row_, *columns_[i]);
        continue;
      }
      if (!failed && !failures_->events) {
        failures_->first_event = events_.num[row_];
        snprintf(failures_->message, sizeof failures_->message, "field %s: %s",
                 request_.fields[i].name.c_str(), request_.library->last_error().c_str());
      }
      ++failed;
    }
    failures_->fields += failed;
    failures_->events += failed ? 1 : 0;
  }

  fh_request& request_;
  const fh_events& events_;
  fh_failures* failures_;
  std::vector<std::unique_ptr<Column>> columns_;
  falcowb::EventBuffer event_;
  ss_plugin_event_input input_ = {};
  ss_plugin_field_extract_input in_ = {};
  int64_t row_ = 0;
};

}  // namespace

extern "C" {

fh_request* fh_request_new(fh_library* library, int64_t count, const fh_field* fields,
                           const char* source) {
  try {
    auto request = std::make_unique<fh_request>();
    request->library = library;
    request->source = source;
    request->fields.reserve(static_cast<size_t>(count));
    for (int64_t i = 0; i < count; ++i)
      request->fields.push_back({fields[i].name, fields[i].key ? fields[i].key : "",
                                 fields[i].key != nullptr, fields[i].type,
                                 fields[i].is_list != 0});
    for (int64_t i = 0; i < count; ++i) {
      const auto& field = request->fields[static_cast<size_t>(i)];
      ss_plugin_extract_field asked = {};
      asked.field_id = fields[i].id;
      asked.field = field.name.c_str();
      asked.arg_key = field.has_key ? field.key.c_str() : nullptr;
      asked.arg_index = fields[i].index;
      asked.arg_present = fields[i].has_argument ? 1 : 0;
      asked.ftype = field.type;
      asked.flist = field.is_list ? 1 : 0;
      request->asked.push_back(asked);
    }
    return request.release();
  } catch (const std::exception&) {
    return nullptr;
  }
}

void fh_request_free(fh_request* request) { delete request; }

int fh_extract(fh_request* request, const fh_events* events, struct ArrowArray* array,
               struct ArrowSchema* schema, fh_failures* failures, fh_error* error) {
  *failures = {};
  try {
    Extraction extraction(*request, *events, failures);
    try {
      extraction.run();
    } catch (const std::exception& thrown) {
      return refuse(error, kFunction, extraction.event(), "%s", thrown.what());
    }
    extraction.give().give(array, schema);
    return 1;
  } catch (const std::exception& thrown) {
    return refuse(error, kFunction, falcowb::kNoEvent, "%s", thrown.what());
  }
}

int fh_event_to_string(fh_library* library, const fh_events* events, int64_t row,
                       const char* source, fh_text* out, fh_error* error) {
  *out = {nullptr, 0};
  const char* function = "event_to_string";
  if (!library->api.event_to_string) return 1;
  try {
    uint32_t size = 0;
    const uint8_t* payload = falcowb::payload_of(*events, row, &size);
    falcowb::EventBuffer event;
    ss_plugin_event_input input = {event.build(static_cast<uint64_t>(events->time[row]),
                                               events->plugin_id[row], payload, size),
                                   events->num[row], source};
    if (falcowb::copy_text(library->api.event_to_string(library->state, &input), out)) return 1;
    return refuse(error, function, events->num[row], "gave text that does not end");
  } catch (const std::exception& thrown) {
    return refuse(error, function, events->num[row], "%s", thrown.what());
  }
}

}  // extern "C"
