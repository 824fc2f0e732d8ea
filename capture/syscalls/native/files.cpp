// Values of files: flags and permissions of opened ones, devices, paths, buffers.
#include "values.hpp"

#include <fcntl.h>

namespace probe {

uint32_t open_bits(uint64_t flags);

namespace {

constexpr uint32_t kFmodeCreated = 0x100000;
constexpr uint32_t kCreated = 1 << 14, kUpper = 1 << 15, kLower = 1 << 16;

// Numbers of devices as stat(2) has them, of the kernel's own form.
uint32_t encode_device(uint32_t device) {
    const uint32_t major = device >> 20, minor = device & 0xfffff;
    return (minor & 0xff) | (major << 8) | ((minor & ~0xffu) << 12);
}

// The file that the call opened. As upstream, nothing is told of descriptor 0.
bool opened(Call &call, const probe_source &source, probe_file &file) {
    return call.result() > 0 && call.as(source, file);
}

Value open_flags(Call &call, const probe_source *sources) {
    uint32_t flags = open_bits(static_cast<uint64_t>(call.number(sources[0])));
    probe_file file;
    if(call.result() >= 0 && call.as(sources[1], file) && (file.fmode & kFmodeCreated))
        flags |= kCreated;
    if(opened(call, sources[1], file)) {
        if(file.layer == 1) flags |= kUpper;
        if(file.layer == 2) flags |= kLower;
    }
    return number(flags);
}

Value open_mode(Call &call, const probe_source *sources) {
    const auto flags = static_cast<uint64_t>(call.number(sources[0]));
    if(!(flags & (O_CREAT | O_TMPFILE))) return number(0);
    return number(call.number(sources[1]) & 07777);
}

// An unsigned length of so many bytes, then the data.
Value iov_data(Call &call, const probe_source *sources) {
    const Slice found = call.piece(sources[0]);
    if(found.size <= 4) return empty();
    return bytes({found.data + 4, found.size - 4});
}

Value iov_size(Call &call, const probe_source *sources) {
    const Slice found = call.piece(sources[0]);
    return number(found.size >= 4 ? load<uint32_t>(found.data) : 0);
}

Value timespec(Call &call, const probe_source *sources) {
    const Slice found = call.piece(sources[0]);
    if(found.size < 16) return number(0);
    const auto seconds = load<uint64_t>(found.data);
    return number(static_cast<int64_t>(seconds * 1000000000 + load<uint64_t>(found.data + 8)));
}

uint16_t poll_bits(uint16_t events) {
    static constexpr struct {
        uint16_t from, to;
    } kBits[] = {{0x1, 1 << 0},    {0x2, 1 << 1},  {0x4, 1 << 2},  {0x2000, 1 << 3},
                 {0x8, 1 << 4},    {0x10, 1 << 5}, {0x20, 1 << 6}, {0x40, 1 << 7},
                 {0x80, 1 << 8},   {0x100, 1 << 9}, {0x200, 1 << 10}};
    uint16_t out = 0;
    for(const auto &bit : kBits)
        if(events & bit.from) out |= bit.to;
    return out;
}

Value fdlist(Call &call, const probe_source *sources) {
    const Slice found = call.piece(sources[0]);
    std::vector<uint8_t> &room = call.room();
    const auto count = static_cast<uint16_t>(found.size / 8);
    room.resize(2 + 10u * count);
    std::memcpy(room.data(), &count, 2);
    for(unsigned i = 0; i < count; i++) {
        const int64_t fd = load<int32_t>(found.data + 8 * i);
        const uint16_t events = poll_bits(load<uint16_t>(found.data + 8 * i + 6));
        std::memcpy(room.data() + 2 + 10 * i, &fd, 8);
        std::memcpy(room.data() + 10 + 10 * i, &events, 2);
    }
    return bytes({room.data(), static_cast<uint32_t>(room.size())});
}

Value sem(Call &call, const probe_source *sources) {
    const Slice found = call.piece(sources[0]);
    const auto which = static_cast<unsigned>(call.number(sources[1]));
    const auto operations = static_cast<uint32_t>(call.argument(2));
    const unsigned operation = which / 3, field = which % 3;
    if(call.result() != 0 || operation >= operations || found.size < 12) return number(0);
    const uint8_t *at = found.data + 6 * operation + 2 * field;
    if(field == 0) return number(load<uint16_t>(at));
    if(field == 1) return number(load<int16_t>(at));
    const auto flags = load<uint16_t>(at);
    return number((flags & 04000 /* IPC_NOWAIT */ ? 1 : 0) | (flags & 0x1000 /* SEM_UNDO */ ? 2 : 0));
}

Value fsconfig_bytes(Call &call, const probe_source *sources) {
    const bool binary = call.result() >= 0 && call.argument(1) == 2;
    return binary ? bytes(call.piece(sources[0])) : empty();
}

Value fsconfig_text(Call &call, const probe_source *sources) {
    const uint64_t command = call.argument(1);
    const bool text = call.result() >= 0 && (command == 1 || command == 3 || command == 4);
    return text ? bytes(call.piece(sources[0])) : empty();
}

}  // namespace

const Function kFileFunctions[] = {
    {"open_flags", open_flags},
    {"open_mode", open_mode},
    {"dev",
     [](Call &call, const probe_source *sources) {
         probe_file file;
         return number(opened(call, sources[0], file) ? encode_device(file.dev) : 0);
     }},
    {"ino",
     [](Call &call, const probe_source *sources) {
         probe_file file;
         return number(opened(call, sources[0], file) ? static_cast<int64_t>(file.ino) : 0);
     }},
    {"pipe_ino",
     [](Call &call, const probe_source *sources) {
         probe_file file;
         const bool made = call.result() == 0 && call.as(sources[0], file);
         return number(made ? static_cast<int64_t>(file.ino) : 0);
     }},
    {"creat_flags",
     [](Call &call, const probe_source *sources) {
         probe_file file;
         return number(opened(call, sources[0], file) ? file.layer : 0);
     }},
    {"device",
     [](Call &call, const probe_source *sources) {
         return number(encode_device(static_cast<uint32_t>(call.number(sources[0]))));
     }},
    {"positive",
     [](Call &call, const probe_source *sources) {
         const int64_t value = call.number(sources[0]);
         return number(value > 0 ? value : 0);
     }},
    {"iov_data", iov_data},
    {"iov_size", iov_size},
    {"timespec", timespec},
    {"fdlist", fdlist},
    {"sem", sem},
    {"fsconfig_bytes", fsconfig_bytes},
    {"fsconfig_text", fsconfig_text},
    {nullptr, nullptr},
};

}  // namespace probe
