// The Arrow C data interface: arrays handed over with the buffers they own.
// Layout from the Arrow specification ("The Arrow C data interface").
#pragma once

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <vector>

extern "C" struct ArrowArray {
    int64_t length;
    int64_t null_count;
    int64_t offset;
    int64_t n_buffers;
    int64_t n_children;
    const void **buffers;
    struct ArrowArray **children;
    struct ArrowArray *dictionary;
    void (*release)(struct ArrowArray *);
    void *private_data;
};

namespace scap {

// Bytes that grow, and can be given away.
class Buffer {
public:
    Buffer() = default;
    Buffer(Buffer &&other) noexcept { *this = std::move(other); }
    Buffer &operator=(Buffer &&other) noexcept {
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
        std::swap(capacity_, other.capacity_);
        std::swap(hint_, other.hint_);
        return *this;
    }
    ~Buffer() { std::free(data_); }

    uint8_t *grow(size_t n) {
        if(capacity_ - size_ < n) reserve(n);
        uint8_t *at = data_ + size_;
        size_ += n;
        return at;
    }
    void append(const void *from, size_t n) {
        if(n) std::memcpy(grow(n), from, n);
    }
    template <class T> void push(T value) { std::memcpy(grow(sizeof(T)), &value, sizeof(T)); }

    uint8_t *data() { return data_; }
    size_t size() const { return size_; }
    size_t capacity() const { return capacity_; }
    void clear() { size_ = 0; }
    void shrink(size_t size) { size_ = size; }

    // Gives the memory away; the next fill starts with room for as much.
    uint8_t *release() {
        hint_ = size_ + size_ / 8;
        uint8_t *given = data_;
        data_ = nullptr;
        size_ = capacity_ = 0;
        return given;
    }

private:
    void reserve(size_t n) {
        size_t wanted = capacity_ ? capacity_ * 2 : hint_;
        if(wanted < size_ + n) wanted = size_ + n;
        if(wanted < 64) wanted = 64;
        auto *moved = static_cast<uint8_t *>(std::realloc(data_, wanted));
        if(!moved) throw std::bad_alloc();
        data_ = moved;
        capacity_ = wanted;
    }

    uint8_t *data_ = nullptr;
    size_t size_ = 0;
    size_t capacity_ = 0;
    size_t hint_ = 0;
};

// Makes an array that owns its buffers and children. A nullptr buffer is an absent one.
void make_array(ArrowArray *to, int64_t length, int64_t nulls, std::vector<uint8_t *> buffers,
                std::vector<std::unique_ptr<ArrowArray>> children);

}  // namespace scap
