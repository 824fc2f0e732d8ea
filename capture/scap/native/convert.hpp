// Events of older captures in today's form, as Falco's own converter makes them.
// Rules from falcosecurity/libs, userspace/libscap/engine/savefile/converter.
#pragma once

#include <random>
#include <string>
#include <unordered_map>
#include <vector>

#include "columns.hpp"
#include "tables.hpp"

namespace scap {

// One event, its parameters still where the file has them.
struct Event {
    uint64_t time;
    uint64_t tid;
    uint32_t flags;
    uint16_t cpu;
    uint16_t type;
    uint32_t count;  // of parameters; only the first kMaxParameters have a slice
    Slice parameters[scap_tables::kMaxParameters];
};

class Converter {
public:
    enum Result { kPass, kDrop, kWrong };

    Converter(const scap_tables &tables, uint64_t max_pending):
        tables_{tables}, max_pending_{max_pending} {}

    // Brings an event up to date in place. kDrop: it is not shown (an enter event kept for its
    // exit, or no longer in use). kWrong: it cannot be; problem() says why. A problem may also be
    // left beside kPass.
    Result convert(Event &event);

    // What went wrong with the last event, empty for nothing; reading it clears it.
    std::string take_problem() { return std::move(problem_); }
    bool has_problem() const { return !problem_.empty(); }

private:
    enum Test { kDone, kDropped, kContinue, kRefused };
    struct Pending {
        uint16_t type = 0;
        bool counted = false;
        bool set = false;
        uint32_t count = 0;
        std::vector<uint32_t> sizes;
        std::vector<uint8_t> bytes;
        size_t cost() const { return sizeof(Pending) + sizes.capacity() * 4 + bytes.capacity(); }
    };

    Test test(const Event &event);
    Test apply(Event &event, const scap_conversion &row);
    void store(const Event &event);
    const Pending *entered(uint64_t tid, uint16_t exit);
    bool container(const Slice *old, uint32_t count, Slice &json);
    Slice fitted(Slice value, uint16_t type, unsigned number) const;

    const scap_tables &tables_;
    const uint64_t max_pending_;
    uint64_t pending_bytes_ = 0;
    // Thread numbers come from the file: mixed, with a seed of each run, so that none can be chosen
    // to share a bucket.
    struct Mix {
        uint64_t seed;
        size_t operator()(uint64_t value) const {
            value = (value ^ seed) * 0x9E3779B97F4A7C15ull;
            value = (value ^ (value >> 32)) * 0xD6E8FEB86659FD93ull;
            return value ^ (value >> 29);
        }
    };
    std::unordered_map<uint64_t, Pending, Mix> pending_{16, Mix{std::random_device{}()}};
    std::string problem_;
    std::string json_;
};

}  // namespace scap
