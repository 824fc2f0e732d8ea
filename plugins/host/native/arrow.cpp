// The producer's side of the Arrow C data interface.
#include "arrow.hpp"

namespace falcowb {
namespace {

constexpr int64_t kNullable = 2;  // ARROW_FLAG_NULLABLE

// Owns everything that a struct of the interface points to.
struct ArrayParts {
  std::vector<const void*> buffers;
  std::vector<ArrowArray*> children;
  ArrowArray* dictionary = nullptr;
};

struct SchemaParts {
  std::string format;
  std::string name;
  std::vector<ArrowSchema*> children;
  ArrowSchema* dictionary = nullptr;
};

// A consumer may have taken a child for itself, which it marks by clearing the child's release.
template <typename T>
void end(T* part) {
  if (!part) return;
  if (part->release) part->release(part);
  delete part;
}

void release_array(ArrowArray* array) {
  auto* parts = static_cast<ArrayParts*>(array->private_data);
  for (const void* buffer : parts->buffers) free(const_cast<void*>(buffer));
  for (ArrowArray* child : parts->children) end(child);
  end(parts->dictionary);
  delete parts;
  array->release = nullptr;
}

void release_schema(ArrowSchema* schema) {
  auto* parts = static_cast<SchemaParts*>(schema->private_data);
  for (ArrowSchema* child : parts->children) end(child);
  end(parts->dictionary);
  delete parts;
  schema->release = nullptr;
}

ArrayParts& parts_of(ArrowArray& array) { return *static_cast<ArrayParts*>(array.private_data); }
SchemaParts& parts_of(ArrowSchema& schema) {
  return *static_cast<SchemaParts*>(schema.private_data);
}

}  // namespace

Exported::Exported(std::string format, int64_t length, int64_t null_count) {
  auto array_parts = std::make_unique<ArrayParts>();
  auto schema_parts = std::make_unique<SchemaParts>();
  schema_parts->format = std::move(format);
  array_.length = length;
  array_.null_count = null_count;
  array_.private_data = array_parts.release();
  array_.release = release_array;
  schema_.flags = kNullable;
  schema_.private_data = schema_parts.release();
  schema_.release = release_schema;
}

Exported::Exported(Exported&& other) noexcept : array_(other.array_), schema_(other.schema_) {
  other.array_.release = nullptr;
  other.schema_.release = nullptr;
}

Exported::~Exported() {
  if (array_.release) array_.release(&array_);
  if (schema_.release) schema_.release(&schema_);
}

void Exported::no_buffer() { parts_of(array_).buffers.push_back(nullptr); }

void Exported::buffer(Buffer& given) {
  auto& buffers = parts_of(array_).buffers;
  buffers.reserve(buffers.size() + 1);
  buffers.push_back(given.give());
}

void Exported::child(Exported given) {
  auto& arrays = parts_of(array_).children;
  auto& schemas = parts_of(schema_).children;
  arrays.reserve(arrays.size() + 1);
  schemas.reserve(schemas.size() + 1);
  auto array = std::make_unique<ArrowArray>();
  auto schema = std::make_unique<ArrowSchema>();
  given.give(array.get(), schema.get());
  arrays.push_back(array.release());
  schemas.push_back(schema.release());
}

void Exported::dictionary(Exported given) {
  auto array = std::make_unique<ArrowArray>();
  auto schema = std::make_unique<ArrowSchema>();
  given.give(array.get(), schema.get());
  parts_of(array_).dictionary = array.release();
  parts_of(schema_).dictionary = schema.release();
}

void Exported::name(std::string text) { parts_of(schema_).name = std::move(text); }

void Exported::nullable(bool yes) { schema_.flags = yes ? kNullable : 0; }

void Exported::give(ArrowArray* array, ArrowSchema* schema) {
  auto& own = parts_of(array_);
  array_.n_buffers = static_cast<int64_t>(own.buffers.size());
  array_.buffers = own.buffers.data();
  array_.n_children = static_cast<int64_t>(own.children.size());
  array_.children = own.children.data();
  array_.dictionary = own.dictionary;
  auto& described = parts_of(schema_);
  schema_.format = described.format.c_str();
  schema_.name = described.name.c_str();
  schema_.n_children = static_cast<int64_t>(described.children.size());
  schema_.children = described.children.data();
  schema_.dictionary = described.dictionary;
  *array = array_;
  *schema = schema_;
  array_.release = nullptr;
  schema_.release = nullptr;
}

}  // namespace falcowb
