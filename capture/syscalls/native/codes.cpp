// Commands and options of system calls as events number them. Values from ppm_events_public.h and
// ppm_flag_helpers.h of falcosecurity/libs, event schema 4.5.1.
#include "values.hpp"

#include <fcntl.h>
#include <linux/futex.h>
#include <linux/ptrace.h>
#include <netinet/in.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <unistd.h>

namespace probe {

namespace {

struct Code {
    int64_t from;
    int64_t to;
};

template <size_t N> int64_t look_up(int64_t given, const Code (&table)[N], int64_t unknown) {
    for(const Code &code : table)
        if(code.from == given) return code.to;
    return unknown;
}

#define CODES(name, table, unknown)                                       \
    {name, [](Call &call, const probe_source *sources) {                  \
         return number(look_up(call.number(sources[0]), table, unknown)); \
     }}

// Kernel numbers; on x86_64 those of the 64-bit locks are the same calls under other names.
constexpr Code kFcntl[] = {{F_DUPFD, 1},   {F_GETFD, 2},        {F_SETFD, 3},
                           {F_GETFL, 4},   {F_SETFL, 5},        {5 /* F_GETLK */, 6},
                           {6 /* F_SETLK */, 8},  {7 /* F_SETLKW */, 9}, {8 /* F_SETOWN */, 10},
                           {9 /* F_GETOWN */, 12}, {10 /* F_SETSIG */, 13}, {11 /* F_GETSIG */, 15},
                           {12 /* F_GETLK64 */, 17}, {13 /* F_SETLK64 */, 18}, {14 /* F_SETLKW64 */, 19},
                           {15 /* F_SETOWN_EX */, 21}, {16 /* F_GETOWN_EX */, 22},
                           {1024 /* F_SETLEASE */, 23}, {1025 /* F_GETLEASE */, 24},
                           {1029 /* F_CANCELLK */, 25}, {1030 /* F_DUPFD_CLOEXEC */, 26},
                           {1026 /* F_NOTIFY */, 27}, {1031 /* F_SETPIPE_SZ */, 28},
                           {1032 /* F_GETPIPE_SZ */, 29}, {36 /* F_OFD_GETLK */, 30},
                           {37 /* F_OFD_SETLK */, 31}, {38 /* F_OFD_SETLKW */, 32}};
constexpr Code kSocketLevel[] = {{SOL_SOCKET, 1}, {IPPROTO_TCP, 2}};
constexpr Code kSemctl[] = {{IPC_STAT, 1 << 0}, {IPC_SET, 1 << 1},  {IPC_RMID, 1 << 2},
                            {IPC_INFO, 1 << 3}, {19 /* SEM_INFO */, 1 << 4},
                            {18 /* SEM_STAT */, 1 << 5}, {GETALL, 1 << 6}, {GETNCNT, 1 << 7},
                            {GETPID, 1 << 8},   {GETVAL, 1 << 9},   {GETZCNT, 1 << 10},
                            {SETALL, 1 << 11},  {SETVAL, 1 << 12}};
// By the kernel's number of the request.
constexpr Code kPtrace[] = {
    {0, 1},       {1, 2},       {2, 3},       {3, 4},       {4, 5},       {5, 6},       {6, 7},
    {7, 8},       {8, 9},       {9, 10},      {12, 26},     {13, 27},     {14, 28},     {15, 29},
    {16, 11},     {17, 12},     {18, 30},     {19, 31},     {21, 32},     {24, 13},     {25, 33},
    {26, 34},     {30, 35},     {31, 36},     {32, 37},     {33, 38},     {0x4200, 14}, {0x4201, 15},
    {0x4202, 16}, {0x4203, 17}, {0x4204, 18}, {0x4205, 19}, {0x4206, 20}, {0x4207, 21}, {0x4208, 22},
    {0x4209, 23}, {0x420a, 24}, {0x420b, 25}};
// Options of SOL_SOCKET by the kernel's number (asm-generic/socket.h).
constexpr Code kSocketOption[] = {
    {1, 1},   {2, 2},   {3, 3},   {4, 4},   {5, 5},   {6, 6},   {7, 7},   {8, 8},   {9, 9},
    {10, 10}, {11, 11}, {12, 12}, {13, 13}, {14, 14}, {15, 15}, {16, 16}, {17, 17}, {18, 18},
    {19, 19}, {20, 20}, {66, 20}, {21, 21}, {67, 21}, {22, 22}, {23, 23}, {24, 24}, {25, 25},
    {26, 26}, {27, 27}, {28, 28}, {29, 29}, {30, 30}, {31, 31}, {32, 32}, {33, 33}, {34, 34},
    {35, 35}, {36, 36}, {37, 37}, {38, 38}, {39, 39}, {40, 40}, {41, 41}, {42, 42}, {43, 43},
    {44, 44}, {45, 45}, {46, 46}, {47, 47}, {48, 48}, {49, 49}, {50, 50}, {59, 51}, {55, 52},
    {57, 53}};

// Events keep whence, shutdown's how, futex operations and limits as the kernel has them, where known.
Value between(int64_t given, int64_t first, int64_t last, int64_t unknown) {
    return number(given >= first && given <= last ? given : unknown);
}

// How many bytes of a value the kernel's own type has, for options that are one number.
Value tagged(Call &call, uint8_t kind, const void *data, size_t size) {
    std::vector<uint8_t> &room = call.room();
    room.push_back(kind);
    const auto *at = static_cast<const uint8_t *>(data);
    room.insert(room.end(), at, at + size);
    return bytes({room.data(), static_cast<uint32_t>(room.size())});
}

template <class T> Value tagged(Call &call, uint8_t kind, T value) {
    return tagged(call, kind, &value, sizeof value);
}

enum { kUnknown, kErrno, kUint32, kUint64, kTime };

// Which type the value of an option of SOL_SOCKET has.
int option_kind(int64_t option) {
    switch(option) {
    case 4:  // SO_ERROR
        return kErrno;
    case 20:  // SO_RCVTIMEO, SO_SNDTIMEO, old and new
    case 21:
    case 66:
    case 67:
        return kTime;
    case 57:  // SO_COOKIE
        return kUint64;
    case 13:  // SO_LINGER, SO_PEERCRED, SO_ATTACH_FILTER, SO_PEERNAME, SO_ATTACH_BPF
    case 17:
    case 26:
    case 28:
    case 50:
        return kUnknown;
    default:
        return option >= 1 && option <= 49 ? kUint32 : kUnknown;
    }
}

Value sockopt_value(Call &call, const probe_source *sources) {
    const Slice found = call.piece(sources[0]);
    uint8_t raw[16] = {};
    if(found.data) std::memcpy(raw, found.data, found.size < 16 ? found.size : 16);
    const auto level = static_cast<int32_t>(call.argument(1));
    const auto option = static_cast<int32_t>(call.argument(2));
    switch(level == SOL_SOCKET ? option_kind(option) : kUnknown) {
    case kErrno:
        return tagged(call, kErrno, -int64_t{load<int32_t>(raw)});
    case kTime:
        return tagged(call, kTime,
                      static_cast<uint64_t>(load<int64_t>(raw)) * 1000000000 +
                          static_cast<uint64_t>(load<int64_t>(raw + 8)) * 1000);
    case kUint64:
        return tagged(call, kUint64, load<uint64_t>(raw));
    case kUint32:
        return tagged(call, kUint32, load<uint32_t>(raw));
    default:
        return tagged(call, kUnknown, found.data, found.size);
    }
}

Value ptrace_data(Call &call, const probe_source *sources) {
    const int64_t request = look_up(static_cast<int64_t>(call.argument(0)), kPtrace, 0);
    if(call.result() < 0) return tagged(call, 0, uint64_t{0});
    switch(request) {
    case 2:  // PEEKTEXT, PEEKDATA, PEEKUSR: what the kernel wrote there
    case 3:
    case 4: {
        uint64_t seen = 0;
        const Slice found = call.piece(sources[0]);
        if(found.size >= 8) seen = load<uint64_t>(found.data);
        return tagged(call, 0, seen);
    }
    case 8:  // CONT, SINGLESTEP, DETACH, SYSCALL: a signal
    case 10:
    case 12:
    case 13:
        return tagged(call, 1, static_cast<uint8_t>(call.argument(3)));
    default:
        return tagged(call, 0, call.argument(3));
    }
}

// What each operation of keyctl does with its arguments 2 to 5: a number, a text, or nothing (shown
// as 0).
const char *keyctl_arguments(uint32_t operation) {
    switch(operation) {
    case 1:  // JOIN_SESSION_KEYRING
        return "t000";
    case 3:   // REVOKE
    case 7:   // CLEAR
    case 14:  // SET_REQKEY_KEYRING
    case 16:  // ASSUME_AUTHORITY
    case 21:  // INVALIDATE
        return "n000";
    case 0:   // GET_KEYRING_ID
    case 5:   // SETPERM
    case 8:   // LINK
    case 9:   // UNLINK
    case 15:  // SET_TIMEOUT
    case 22:  // GET_PERSISTENT
    case 31:  // CAPABILITIES
        return "nn00";
    case 2:   // UPDATE
    case 4:   // CHOWN
    case 6:   // DESCRIBE
    case 11:  // READ
    case 13:  // NEGATE
    case 17:  // GET_SECURITY
    case 32:  // WATCH_KEY
        return "nnn0";
    case 29:  // RESTRICT_KEYRING
        return "ntt0";
    case 24:  // PKEY_QUERY
        return "nnt0";
    case 10:  // SEARCH
        return "nttn";
    case 12:  // INSTANTIATE
    case 19:  // REJECT
    case 20:  // INSTANTIATE_IOV
    case 23:  // DH_COMPUTE
    case 30:  // MOVE
        return "nnnn";
    case 25:  // PKEY_ENCRYPT
    case 26:  // PKEY_DECRYPT
    case 27:  // PKEY_SIGN
    case 28:  // PKEY_VERIFY
        return "ntnn";
    default:
        return "0000";
    }
}

Value keyctl(Call &call, const probe_source *sources) {
    const auto index = static_cast<unsigned>(call.number(sources[0]));
    const char kind = keyctl_arguments(static_cast<uint32_t>(call.argument(0)))[index - 1];
    if(kind == 't') {
        const Slice text = call.piece(sources[1]);
        return tagged(call, 1, text.data, text.size);
    }
    return tagged(call, 0, kind == 'n' ? call.argument(index) : uint64_t{0});
}

// Values of quotactl by their place in the event, behind the special file and the quota file.
Value quota(Call &call, const probe_source *sources) {
    const auto which = static_cast<unsigned>(call.number(sources[0]));
    const auto command = static_cast<uint32_t>(call.argument(0));
    const auto id = static_cast<uint32_t>(call.argument(2));
    // The kernel's Q_... by the number behind 0x80000000 or 'X', in the order of the events' bits.
    static constexpr Code kCommands[] = {
        {0x800002, 1 << 0}, {0x800003, 1 << 1}, {0x800004, 1 << 2}, {0x800005, 1 << 3},
        {0x800006, 1 << 4}, {0x800007, 1 << 5}, {0x800008, 1 << 6}, {0x800001, 1 << 7},
        {0x5801, 1 << 8},   {0x5802, 1 << 9},   {0x5803, 1 << 10},  {0x5804, 1 << 11},
        {0x5805, 1 << 12},  {0x5806, 1 << 13},  {0x5807, 1 << 14}};
    const int64_t known = look_up(command >> 8, kCommands, 0);
    const auto format = [](uint32_t given) {
        static constexpr Code kFormats[] = {{1, 1 << 1}, {2, 1 << 2}, {4, 1 << 3}};
        return look_up(given, kFormats, 1 << 0);
    };
    const bool on_block = known == 1 << 5 || known == 1 << 6;
    const bool on_info = known == 1 << 3 || known == 1 << 4;
    // Pieces: special, path at the address, if_dqblk, if_dqinfo, a number there.
    probe_source piece{SOURCE_PIECE, 1, 0, 0, 0, 0};
    if(which == 0) return known == 1 << 0 ? bytes(call.piece(piece)) : empty();
    if(which <= 7) {  // bhardlimit bsoftlimit curspace ihardlimit isoftlimit btime itime
        // Offset in if_dqblk and the bit of dqb_valid that says it holds.
        static constexpr struct {
            uint8_t offset, valid;
        } kBlock[] = {{0, 1}, {8, 1}, {16, 2}, {24, 4}, {32, 4}, {48, 16}, {56, 32}};
        piece.index = 2;
        const Slice block = call.piece(piece);
        if(!on_block || block.size < 72) return number(0);
        const auto valid = load<uint32_t>(block.data + 64);
        const auto &field = kBlock[which - 1];
        return number(valid & field.valid ? load<int64_t>(block.data + field.offset) : 0);
    }
    if(which <= 10) {  // bgrace igrace flags
        piece.index = 3;
        const Slice info = call.piece(piece);
        if(!on_info || info.size < 24) return number(0);
        const auto valid = load<uint32_t>(info.data + 20);
        if(which == 8) return number(valid & 1 ? load<int64_t>(info.data) : 0);
        if(which == 9) return number(valid & 2 ? load<int64_t>(info.data + 8) : 0);
        return number(valid & 4 ? load<uint32_t>(info.data + 16) : 0);
    }
    switch(which) {
    case 11: {  // format told
        piece.index = 4;
        const Slice told = call.piece(piece);
        if(known != 1 << 2) return number(1 << 0);
        return number(format(told.size >= 4 ? load<uint32_t>(told.data) : 0));
    }
    case 12:
        return number(known);
    case 13:  // whose
        return number((command & 0xff) == 0 ? 1 : (command & 0xff) == 1 ? 2 : 0);
    case 14:
        return number(on_block || known == 1 << 10 || known == 1 << 11 ? id : 0);
    default:
        return number(known == 1 << 0 ? format(id) : 1 << 0);
    }
}

}  // namespace

const Function kCodeFunctions[] = {
    CODES("fcntl_command", kFcntl, 0),
    CODES("sockopt_level", kSocketLevel, 0),
    CODES("semctl_command", kSemctl, 0),
    CODES("ptrace_request", kPtrace, 0),
    {"sockopt_name",
     [](Call &call, const probe_source *sources) {
         if(static_cast<int32_t>(call.number(sources[0])) != SOL_SOCKET) return number(0);
         return number(look_up(call.number(sources[1]), kSocketOption, 0));
     }},
    {"sockopt_value", sockopt_value},
    {"semctl_value",
     [](Call &call, const probe_source *sources) {
         return number(call.number(sources[0]) == SETVAL ? call.number(sources[1]) : 0);
     }},
    {"seek_whence",
     [](Call &call, const probe_source *sources) {
         return between(call.number(sources[0]), 0, 2, 0);
     }},
    {"shutdown_how",
     [](Call &call, const probe_source *sources) {
         return between(call.number(sources[0]), 0, 2, 0xff);
     }},
    {"rlimit",
     [](Call &call, const probe_source *sources) {
         return between(call.number(sources[0]), 0, 15, 255);
     }},
    {"family",
     [](Call &call, const probe_source *sources) {
         const auto family = static_cast<uint8_t>(call.number(sources[0]));
         // Those that have no name in events count as unspecified.
         return number(family <= 39 && family != 27 && family != 28 ? family : 0);
     }},
    {"futex_op",
     [](Call &call, const probe_source *sources) {
         const int64_t op = call.number(sources[0]);
         const int64_t plain = op & 127;
         return number((plain <= 12 ? plain : 0) | (op & (128 | 256)));
     }},
    {"ptrace_addr",
     [](Call &call, const probe_source *sources) {
         const int64_t address = call.number(sources[0]);
         return tagged(call, 0, static_cast<uint64_t>(call.result() < 0 ? 0 : address));
     }},
    {"ptrace_data", ptrace_data},
    {"keyctl", keyctl},
    {"quota", quota},
    {nullptr, nullptr},
};

}  // namespace probe
