// The ring buffers of the kernel (one a CPU), read where they lie.
// Layout from the kernel's Documentation/bpf/ringbuf.rst and kernel/bpf/ringbuf.c.
#include <algorithm>
#include <cerrno>
#include <ctime>
#include <sys/mman.h>
#include <unistd.h>

#include "assembler.hpp"

namespace probe {

namespace {

constexpr uint32_t kBusy = 1u << 31, kDiscard = 1u << 30;
constexpr size_t kHeader = 8;
// Small turns give room back soon, and hold a batch to its size.
constexpr uint64_t kTurn = 8192;
constexpr size_t kTurnBytes = 1 << 20;
// Records younger than this stay: another CPU may still bring an older one.
constexpr uint64_t kSettle = 1000000;
// How long the reader sleeps, by how full it found the fullest buffer.
constexpr long kBusySleep = 4000000, kHurry = 500000;

uint64_t now() {
    timespec time{};
    clock_gettime(CLOCK_BOOTTIME, &time);
    return static_cast<uint64_t>(time.tv_sec) * 1000000000 + static_cast<uint64_t>(time.tv_nsec);
}

struct Found {
    uint64_t time;
    const uint8_t *record;
    uint64_t end;  // where the next one begins, in its ring
    uint32_t size;
};

bool older(const Found &a, const Found &b) {
    return a.time < b.time;
}

class Ring {
public:
    Ring(int fd, size_t bytes): bytes_{bytes}, page_{static_cast<size_t>(sysconf(_SC_PAGESIZE))} {
        consumer_ = mmap(nullptr, page_, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if(consumer_ == MAP_FAILED) return;
        producer_ = mmap(nullptr, page_ + 2 * bytes_, PROT_READ, MAP_SHARED, fd,
                         static_cast<off_t>(page_));
        read_ = __atomic_load_n(static_cast<uint64_t *>(consumer_), __ATOMIC_ACQUIRE);
    }
    Ring(Ring &&other) noexcept { *this = std::move(other); }
    Ring &operator=(Ring &&other) noexcept {
        std::swap(bytes_, other.bytes_);
        std::swap(page_, other.page_);
        std::swap(consumer_, other.consumer_);
        std::swap(producer_, other.producer_);
        std::swap(read_, other.read_);
        std::swap(found_, other.found_);
        return *this;
    }
    ~Ring() {
        if(producer_ != MAP_FAILED) munmap(producer_, page_ + 2 * bytes_);
        if(consumer_ != MAP_FAILED) munmap(consumer_, page_);
    }

    bool mapped() const { return producer_ != MAP_FAILED; }

    // Looks for records older than "before", at most so many, and not many more bytes than a turn's.
    // Gives the time up to which all were found.
    uint64_t find(uint64_t before, size_t most) {
        size_t bytes = 0;
        found_.clear();
        const uint64_t written =
            __atomic_load_n(static_cast<const uint64_t *>(producer_), __ATOMIC_ACQUIRE);
        used_ = static_cast<double>(written - read_) / static_cast<double>(bytes_);
        const uint8_t *data = static_cast<const uint8_t *>(producer_) + page_;
        for(uint64_t next = read_; next < written;) {
            const uint8_t *at = data + (next & (bytes_ - 1));
            const uint32_t length =
                __atomic_load_n(reinterpret_cast<const uint32_t *>(at), __ATOMIC_ACQUIRE);
            if(length & kBusy) break;
            const uint32_t size = length & ~kDiscard;
            next += (size + kHeader + 7) & ~uint64_t{7};
            if(length & kDiscard) continue;
            const uint64_t time = size >= 8 ? load<uint64_t>(at + kHeader) : 0;
            if(time >= before) break;
            found_.push_back({time, at + kHeader, next, size});
            bytes += size;
            if(found_.size() >= most || bytes >= kTurnBytes) return time;
        }
        return before;
    }
    // Adds what was found up to this time, and no later: it counts as read.
    void take(std::vector<Found> &to, uint64_t until) {
        for(const Found &record : found_) {
            if(record.time > until) break;
            to.push_back(record);
            read_ = record.end;
        }
    }
    double used() const { return used_; }
    // Gives what was read back to the kernel.
    void release() {
        __atomic_store_n(static_cast<uint64_t *>(consumer_), read_, __ATOMIC_RELEASE);
    }

private:
    size_t bytes_ = 0;
    size_t page_ = 0;
    void *consumer_ = MAP_FAILED;
    void *producer_ = MAP_FAILED;
    uint64_t read_ = 0;
    double used_ = 0;
    std::vector<Found> found_;
};

}  // namespace

class Drain {
public:
    Drain(const int *fds, size_t n, size_t bytes, long calm): calm_{calm} {
        for(size_t i = 0; i < n; i++) rings_.emplace_back(fds[i], bytes);
    }

    bool mapped() const {
        return std::all_of(rings_.begin(), rings_.end(), [](const Ring &r) { return r.mapped(); });
    }

    uint64_t fill(Assembler &to, uint64_t max_rows, uint64_t max_bytes, uint64_t max_ns, bool all) {
        const uint64_t end = now() + max_ns;
        take_kept(to);
        while(kept_.empty()) {
            const double used = round(to, max_rows - std::min(max_rows, to.rows()),
                                      all ? UINT64_MAX : now() - kSettle);
            to.woke();
            if(to.rows() >= max_rows || to.bytes() >= max_bytes) break;
            const uint64_t time = now();
            if(time >= end || (all && !found_.size())) break;
            if(all || used > 0.5) continue;
            const long rest = used > 0.25 ? kHurry : used > 0.05 ? std::min(kBusySleep, calm_) : calm_;
            timespec pause{0, std::min(rest, static_cast<long>(std::min<uint64_t>(end - time, 999999999)))};
            nanosleep(&pause, nullptr);
        }
        return to.rows();
    }

private:
    // One look at all rings; what is found goes in by time.
    double round(Assembler &to, uint64_t most, uint64_t before) {
        found_.clear();
        double used = 0;
        uint64_t until = before;
        const size_t turn = std::min<uint64_t>(most / rings_.size() + 1, kTurn);
        for(Ring &ring : rings_) {
            until = std::min(until, ring.find(before, turn));
            used = std::max(used, ring.used());
        }
        for(Ring &ring : rings_) {
            const auto middle = static_cast<std::ptrdiff_t>(found_.size());
            ring.take(found_, until);
            if(rings_.size() <= 4)
                std::inplace_merge(found_.begin(), found_.begin() + middle, found_.end(), older);
        }
        if(rings_.size() > 4) std::stable_sort(found_.begin(), found_.end(), older);
        for(const Found &record : found_) {
            if(kept_.empty() && to.fits(record.record, record.size)) {
                to.append(record.record, record.size);
            } else {
                kept_.emplace_back(record.record, record.record + record.size);
            }
        }
        for(Ring &ring : rings_) ring.release();
        return used;
    }

    // What the batch before had no room for comes first.
    void take_kept(Assembler &to) {
        size_t taken = 0;
        for(; taken < kept_.size(); taken++) {
            const std::vector<uint8_t> &record = kept_[taken];
            if(!to.fits(record.data(), record.size())) break;
            to.append(record.data(), record.size());
        }
        kept_.erase(kept_.begin(), kept_.begin() + static_cast<std::ptrdiff_t>(taken));
    }

    long calm_;
    std::vector<Ring> rings_;
    std::vector<Found> found_;
    // Records from the one on whose event type was one too many for a batch.
    std::vector<std::vector<uint8_t>> kept_;
};

}  // namespace probe

struct probe_drain {
    probe::Drain drain;
};

extern "C" {

probe_drain *probe_drain_new(const int *fds, size_t n, size_t bytes, long calm_ns) {
    auto *made = new probe_drain{{fds, n, bytes, calm_ns}};
    if(made->drain.mapped()) return made;
    const int why = errno;
    delete made;
    errno = why;
    return nullptr;
}

void probe_drain_free(probe_drain *drain) {
    delete drain;
}

uint64_t probe_fill(probe_drain *drain, probe_assembler *assembler, uint64_t max_rows,
                    uint64_t max_bytes, uint64_t max_ns, int all) {
    return drain->drain.fill(assembler->assembler, max_rows, max_bytes, max_ns, all != 0);
}

}
