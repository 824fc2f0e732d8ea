// What blocks there are, and how numbers stand in them (little-endian, as this machine's).
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

namespace scap {

constexpr size_t kHeader = 8;   // type and length of a block
constexpr size_t kTrailer = 4;  // its length again

// Whether a block is an event, has flags before it, and says how many parameters there are.
struct EventBlock {
    bool event;
    bool flags;
    bool counted;
};

inline EventBlock event_block(uint32_t type) {
    switch(type) {
    case 0x204: case 0x8010ABCD:
        return {true, false, false};
    case 0x208:
        return {true, true, false};
    case 0x216: case 0x221:
        return {true, false, true};
    case 0x217: case 0x222:
        return {true, true, true};
    default:
        return {false, false, false};
    }
}

template <class T> T load(const uint8_t *from) {
    T value;
    std::memcpy(&value, from, sizeof(T));
    return value;
}

}  // namespace scap
