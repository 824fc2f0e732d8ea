// A map from 64-bit numbers, open addressed, safe against chosen keys.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace state {

// The finalizer of splitmix64.
inline uint64_t mix(uint64_t x) {
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

template <class V> class FlatMap {
public:
    explicit FlatMap(uint64_t seed = 0) : seed_(seed) {}

    V *find(int64_t key) {
        if(!count_) return nullptr;
        for(size_t at = place(key);; at = (at + 1) & mask()) {
            if(!slots_[at].used) return nullptr;
            if(slots_[at].key == key) return &slots_[at].value;
        }
    }
    const V *find(int64_t key) const { return const_cast<FlatMap *>(this)->find(key); }

    // The value at `key`, made when it is not there. Moves the others.
    V &at(int64_t key) {
        if(V *known = find(key)) return *known;
        if((count_ + 1) * 4 > slots_.size() * 3) grow();
        size_t at = place(key);
        while(slots_[at].used) at = (at + 1) & mask();
        slots_[at].used = true;
        slots_[at].key = key;
        ++count_;
        return slots_[at].value;
    }

    bool erase(int64_t key) {
        if(!count_) return false;
        size_t at = place(key);
        while(slots_[at].key != key || !slots_[at].used) {
            if(!slots_[at].used) return false;
            at = (at + 1) & mask();
        }
        // Those behind move up, so that no chain is broken.
        for(size_t next = (at + 1) & mask(); slots_[next].used; next = (next + 1) & mask()) {
            size_t home = place(slots_[next].key);
            if(((next - home) & mask()) >= ((next - at) & mask())) {
                slots_[at].key = slots_[next].key;
                slots_[at].value = std::move(slots_[next].value);
                at = next;
            }
        }
        slots_[at].used = false;
        slots_[at].value = V{};
        --count_;
        return true;
    }

    template <class F> void each(F &&visit) {
        for(auto &slot : slots_) {
            if(slot.used) visit(slot.key, slot.value);
        }
    }
    template <class F> void each(F &&visit) const {
        for(const auto &slot : slots_) {
            if(slot.used) visit(slot.key, slot.value);
        }
    }

    size_t size() const { return count_; }
    void clear() {
        slots_.clear();
        count_ = 0;
    }

private:
    struct Slot {
        int64_t key = 0;
        V value{};
        bool used = false;
    };
    size_t mask() const { return slots_.size() - 1; }
    size_t place(int64_t key) const {
        return mix(static_cast<uint64_t>(key) ^ seed_) & mask();
    }
    void grow() {
        std::vector<Slot> old(slots_.empty() ? 16 : slots_.size() * 2);
        old.swap(slots_);
        count_ = 0;
        for(auto &slot : old) {
            if(slot.used) at(slot.key) = std::move(slot.value);
        }
    }

    uint64_t seed_;
    std::vector<Slot> slots_;
    size_t count_ = 0;
};

}  // namespace state
