#include "input.hpp"

#include <cerrno>
#include <cstring>

#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

namespace scap {

namespace {

constexpr size_t kWindow = 1 << 18;
constexpr size_t kPacked = 1 << 16;

}  // namespace

// Gives bytes: 0 is the end, or a failure when the text says so.
class Source {
public:
    virtual ~Source() = default;
    virtual size_t read(uint8_t *to, size_t room, std::string &failure) = 0;
};

namespace {

class Plain : public Source {
public:
    explicit Plain(int fd): fd_{fd} {}

    size_t read(uint8_t *to, size_t room, std::string &failure) override {
        size_t had = 0;
        if(!held_.empty()) {
            had = held_.size() < room ? held_.size() : room;
            std::memcpy(to, held_.data(), had);
            held_.erase(held_.begin(), held_.begin() + had);
            return had;
        }
        for(;;) {
            const ssize_t got = ::read(fd_, to, room);
            if(got >= 0) return static_cast<size_t>(got);
            if(errno == EINTR) continue;
            failure = std::string("the file cannot be read: ") + std::strerror(errno);
            return 0;
        }
    }

    // The first bytes, to tell what kind of file this is; they are given again by read().
    const std::vector<uint8_t> &peek(size_t n, std::string &failure) {
        std::vector<uint8_t> first;
        while(first.size() < n && failure.empty()) {
            uint8_t piece[16];
            const size_t got = read(piece, n - first.size(), failure);
            if(got == 0) break;
            first.insert(first.end(), piece, piece + got);
        }
        held_ = std::move(first);
        return held_;
    }

private:
    int fd_;
    std::vector<uint8_t> held_;
};

class Gzip : public Source {
public:
    explicit Gzip(std::unique_ptr<Source> packed): packed_{std::move(packed)}, input_(kPacked) {
        ready_ = inflateInit2(&stream_, 15 + 16) == Z_OK;
    }
    ~Gzip() override {
        if(ready_) inflateEnd(&stream_);
    }

    size_t read(uint8_t *to, size_t room, std::string &failure) override {
        if(!ready_) {
            failure = "no memory to unpack gzip";
            return 0;
        }
        stream_.next_out = to;
        stream_.avail_out = static_cast<uInt>(room);
        while(stream_.avail_out == room) {
            if(stream_.avail_in == 0 && !refill(failure)) {
                if(failure.empty() && inside_) failure = "the gzip data ends too early";
                return 0;
            }
            if(!inside_) {
                // Another member may follow; anything else after one is padding.
                if(stream_.next_in[0] != 0x1f) return 0;
                inflateReset(&stream_);
                inside_ = true;
            }
            const int result = inflate(&stream_, Z_NO_FLUSH);
            if(result == Z_STREAM_END) {
                inside_ = false;
            } else if(result != Z_OK && result != Z_BUF_ERROR) {
                // What was unpacked before the damage is still good.
                failure = std::string("the gzip data is damaged");
                if(stream_.msg) failure += std::string(" (") + stream_.msg + ")";
                break;
            }
        }
        return room - stream_.avail_out;
    }

private:
    bool refill(std::string &failure) {
        stream_.next_in = input_.data();
        stream_.avail_in = static_cast<uInt>(packed_->read(input_.data(), input_.size(), failure));
        return stream_.avail_in != 0;
    }

    std::unique_ptr<Source> packed_;
    std::vector<uint8_t> input_;
    z_stream stream_{};
    bool ready_ = false;
    bool inside_ = true;
};

class Zstd : public Source {
public:
    explicit Zstd(std::unique_ptr<Source> packed):
        packed_{std::move(packed)}, input_(ZSTD_DStreamInSize()), stream_{ZSTD_createDStream()} {
        // A hostile frame may ask for a window of gigabytes; 128 MiB is zstd's own limit by default.
        if(stream_) ZSTD_initDStream(stream_);
    }
    ~Zstd() override { ZSTD_freeDStream(stream_); }

    size_t read(uint8_t *to, size_t room, std::string &failure) override {
        if(!stream_) {
            failure = "no memory to unpack zstd";
            return 0;
        }
        ZSTD_outBuffer out{to, room, 0};
        while(out.pos == 0) {
            if(in_.pos == in_.size) {
                in_ = {input_.data(), packed_->read(input_.data(), input_.size(), failure), 0};
                if(in_.size == 0) {
                    if(failure.empty() && inside_) failure = "the zstd data ends too early";
                    break;
                }
            }
            const size_t result = ZSTD_decompressStream(stream_, &out, &in_);
            if(ZSTD_isError(result)) {
                failure = std::string("the zstd data is damaged (") + ZSTD_getErrorName(result) + ")";
                break;
            }
            inside_ = result != 0;
        }
        return out.pos;
    }

private:
    std::unique_ptr<Source> packed_;
    std::vector<uint8_t> input_;
    ZSTD_DStream *stream_;
    ZSTD_inBuffer in_{nullptr, 0, 0};
    bool inside_ = false;
};

}  // namespace

Input::Input(int fd): window_(kWindow) {
    auto plain = std::make_unique<Plain>(fd);
    const auto &first = plain->peek(4, failure_);
    if(first.size() >= 2 && first[0] == 0x1f && first[1] == 0x8b) {
        compression_ = 1;
        source_ = std::make_unique<Gzip>(std::move(plain));
    } else if(first.size() == 4 && std::memcmp(first.data(), "\x28\xb5\x2f\xfd", 4) == 0) {
        compression_ = 2;
        source_ = std::make_unique<Zstd>(std::move(plain));
    } else {
        source_ = std::move(plain);
    }
}

Input::~Input() = default;

bool Input::fill(size_t n) {
    if(position_ > 0) {
        std::memmove(window_.data(), window_.data() + position_, end_ - position_);
        base_ += position_;
        end_ -= position_;
        position_ = 0;
    }
    while(end_ < n && !ended_) {
        // Grows with what really arrives, never with what a length in the file claims.
        if(end_ == window_.size()) window_.resize(window_.size() * 2);
        const size_t got = source_->read(window_.data() + end_, window_.size() - end_, failure_);
        end_ += got;
        if(got == 0 || !failure_.empty()) ended_ = true;
    }
    return end_ >= n;
}

bool Input::skip(uint64_t n) {
    while(n > 0) {
        const size_t have = end_ - position_;
        if(have == 0) {
            if(!fill(1)) return false;
            continue;
        }
        const size_t step = n < have ? static_cast<size_t>(n) : have;
        position_ += step;
        n -= step;
    }
    return true;
}

}  // namespace scap
