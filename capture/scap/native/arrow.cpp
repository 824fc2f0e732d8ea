#include "arrow.hpp"

namespace scap {

namespace {

struct Owned {
    std::vector<const void *> buffers;
    std::vector<ArrowArray *> children;
};

void release(ArrowArray *array) {
    auto *owned = static_cast<Owned *>(array->private_data);
    for(const void *buffer : owned->buffers) std::free(const_cast<void *>(buffer));
    for(ArrowArray *child : owned->children) {
        if(child->release) child->release(child);
        delete child;
    }
    delete owned;
    array->release = nullptr;
}

}  // namespace

void make_array(ArrowArray *to, int64_t length, int64_t nulls, std::vector<uint8_t *> buffers,
                std::vector<std::unique_ptr<ArrowArray>> children) {
    auto owned = std::make_unique<Owned>();
    owned->buffers.assign(buffers.begin(), buffers.end());
    for(auto &child : children) owned->children.push_back(child.release());
    to->length = length;
    to->null_count = nulls;
    to->offset = 0;
    to->n_buffers = static_cast<int64_t>(owned->buffers.size());
    to->n_children = static_cast<int64_t>(owned->children.size());
    to->buffers = owned->buffers.data();
    to->children = owned->children.data();
    to->dictionary = nullptr;
    to->release = release;
    to->private_data = owned.release();
}

}  // namespace scap
