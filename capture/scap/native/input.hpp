// A file read forward through one window, unpacked on the way when it is gzip or zstd.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace scap {

class Source;

class Input {
public:
    explicit Input(int fd);
    ~Input();

    // The next n bytes, or nullptr when there are fewer. They stay valid until the next call.
    const uint8_t *need(size_t n) {
        if(end_ - position_ >= n) return window_.data() + position_;
        return fill(n) ? window_.data() + position_ : nullptr;
    }
    void advance(size_t n) {
        position_ += n;
    }
    // Bytes that could be had of the last need() that failed.
    size_t available() const { return end_ - position_; }
    // Passes over n bytes; false when the file ends before.
    bool skip(uint64_t n);

    uint64_t offset() const { return base_ + position_; }
    // Why reading ended early: empty for a plain end of file.
    const std::string &failure() const { return failure_; }
    int compression() const { return compression_; }

private:
    bool fill(size_t n);

    std::unique_ptr<Source> source_;
    std::vector<uint8_t> window_;
    size_t position_ = 0;
    size_t end_ = 0;
    uint64_t base_ = 0;
    bool ended_ = false;
    int compression_ = 0;
    std::string failure_;
};

}  // namespace scap
