#include "state.hpp"

#include <initializer_list>

namespace scap {

namespace {

// Columns by position, as in capture/events/state_schema.py.
enum Thread {
    kTid, kPid, kPtid, kSid, kVpgid, kComm, kExe, kExepath, kArgs, kCwd, kFdlimit, kFlags, kUid,
    kGid, kVmsize, kVmrss, kVmswap, kPfmajor, kPfminor, kEnv, kVtid, kVpid, kCgroups, kRoot,
    kPidnsStart, kTty, kLoginuid, kWritable, kInheritable, kPermitted, kEffective, kUpper, kIno,
    kCtime, kMtime, kMemfd, kLower, kPgid, kThreadColumns
};
enum File {
    kFileTid, kFd, kFileIno, kType, kName, kOpenFlags, kDev, kSourceIp, kDestIp, kSourcePort,
    kDestPort, kProtocol, kSource, kDestination, kFileColumns
};

enum FileType {
    kUnknownFile = 0, kIpv4 = 3, kIpv6 = 4, kIpv4Server = 5, kIpv6Server = 6, kUnixSocket = 8,
    kFileV2 = 16, kLastFileType = 21
};

void columns(Table &table, std::initializer_list<int> widths) {
    // A width of bytes, or 0 for a text.
    for(int width : widths)
        table.columns.emplace_back(width ? SCAP_FIXED : SCAP_BYTES, static_cast<uint8_t>(width));
}

// A row being read: columns not given by the end are null.
class Row {
public:
    explicit Row(Table &table): table_{table} {}
    ~Row() {
        if(!done_) undo();
    }

    bool number(Cursor &from, int column, size_t width) {
        const uint8_t *at = from.take(width);
        if(!at) return false;
        set(column, at, width);
        return true;
    }
    // A length of two bytes and the text; a C string ends at its first NUL.
    bool text(Cursor &from, int column, bool c_string) {
        const uint8_t *at = from.take(2);
        if(!at) return false;
        uint16_t size = 0;
        std::memcpy(&size, at, 2);
        at = from.take(size);
        if(!at) return false;
        size_t shown = size;
        if(c_string && size)
            if(const void *nul = std::memchr(at, 0, size)) shown = static_cast<const uint8_t *>(nul) - at;
        table_.columns[column].text(at, shown);
        return true;
    }
    void set(int column, const uint8_t *data, size_t size) {
        table_.columns[column].text_or_fixed(data, size);
    }
    void finish() {
        table_.rows++;
        for(Column &column : table_.columns)
            if(column.length() < table_.rows) column.null();
        done_ = true;
    }

private:
    void undo() {
        // Half a row has no use: complete it, then take it back.
        finish();
        for(Column &column : table_.columns) column.drop_last();
        table_.rows--;
    }

    Table &table_;
    bool done_ = false;
};

const char kTooShort[] = "an entry is longer than its block";

}  // namespace

State::State() {
    columns(tables[kThreads], {8, 8, 8, 8, 8, 0, 0, 0, 0, 0, 8, 4, 4, 4, 4, 4, 4, 8, 8,
                               0, 8, 8, 0, 0, 8, 4, 4, 1, 8, 8, 8, 1, 8, 8, 8, 1, 1, 8});
    columns(tables[kFds], {8, 8, 8, 1, 0, 4, 4, 0, 0, 2, 2, 1, 8, 8});
    columns(tables[kUsers], {4, 4, 0, 0, 0});
    columns(tables[kGroups], {4, 0});
    columns(tables[kMachine], {4, 8, 8, 0, 8, 8, 8, 8});
    columns(tables[kInterfaces], {0, 0, 0, 0, 8});
}

size_t State::bytes() const {
    size_t total = 0;
    for(const Table &table : tables) total += table.bytes();
    return total;
}

void State::clear() {
    for(Table &table : tables) table.clear();
}

bool State::known(uint32_t block) {
    switch(block) {
    case 0x201: case 0x8002ABCD:
    case 0x202: case 0x8000ABCD: case 0x207: case 0x8013ABCD: case 0x209: case 0x8014ABCD:
    case 0x210: case 0x211: case 0x212: case 0x213: case 0x214: case 0x215:
    case 0x203: case 0x8001ABCD: case 0x218:
    case 0x205: case 0x8011ABCD: case 0x219:
    case 0x206: case 0x8012ABCD: case 0x220:
        return true;
    default:
        return false;
    }
}

bool State::read(uint32_t block, Cursor &cursor, std::string &problem) {
    switch(block) {
    case 0x201: case 0x8002ABCD:
        return machine(cursor) || ((problem = "the machine block is too short"), false);
    case 0x202: case 0x8000ABCD:
        return processes(cursor, 1, problem);
    case 0x207: case 0x8013ABCD:
        return processes(cursor, 2, problem);
    case 0x209: case 0x8014ABCD:
        return processes(cursor, 3, problem);
    case 0x210: case 0x211: case 0x212: case 0x213: case 0x214: case 0x215:
        return processes(cursor, static_cast<int>(block - 0x210) + 4, problem);
    case 0x203: case 0x8001ABCD:
        return files(cursor, false, problem);
    case 0x218:
        return files(cursor, true, problem);
    case 0x205: case 0x8011ABCD:
        return interfaces(cursor, false, problem);
    case 0x219:
        return interfaces(cursor, true, problem);
    case 0x206: case 0x8012ABCD:
        return users(cursor, false, problem);
    default:
        return users(cursor, true, problem);
    }
}

bool State::processes(Cursor &cursor, int version, std::string &problem) {
    // Up to three bytes at the end are padding.
    while(cursor.left() >= 4) {
        Row row(tables[kThreads]);
        const uint64_t begin = cursor.left();
        uint32_t size = 0;
        if(version >= 9) {
            const uint8_t *at = cursor.take(4);
            if(at) std::memcpy(&size, at, 4);
        }
        const auto used = [&] { return begin - cursor.left(); };
        bool ok = row.number(cursor, kTid, 8) && row.number(cursor, kPid, 8) &&
                  row.number(cursor, kPtid, 8) && (version < 6 || row.number(cursor, kSid, 8)) &&
                  (version < 8 || row.number(cursor, kVpgid, 8)) && row.text(cursor, kComm, true) &&
                  row.text(cursor, kExe, true) && (version < 7 || row.text(cursor, kExepath, true)) &&
                  row.text(cursor, kArgs, false) && row.text(cursor, kCwd, true) &&
                  row.number(cursor, kFdlimit, 8) && row.number(cursor, kFlags, 4) &&
                  row.number(cursor, kUid, 4) && row.number(cursor, kGid, 4);
        if(version >= 2)
            ok = ok && row.number(cursor, kVmsize, 4) && row.number(cursor, kVmrss, 4) &&
                 row.number(cursor, kVmswap, 4) && row.number(cursor, kPfmajor, 8) &&
                 row.number(cursor, kPfminor, 8);
        if(version >= 3) ok = ok && row.text(cursor, kEnv, false);
        if(version >= 4)
            ok = ok && row.number(cursor, kVtid, 8) && row.number(cursor, kVpid, 8) &&
                 row.text(cursor, kCgroups, false);
        if(version >= 5) ok = ok && row.text(cursor, kRoot, true);
        if(ok && size) {
            // What follows is told only by the entry's size. libs 0.10 put two fields in between:
            // an entry with no more left than the older five fields need has the older layout.
            struct Field { int column; size_t width; };
            static constexpr Field kTail[] = {
                {kPidnsStart, 8}, {kTty, 4}, {kLoginuid, 4}, {kWritable, 1}, {kInheritable, 8},
                {kPermitted, 8}, {kEffective, 8}, {kUpper, 1}, {kIno, 8}, {kCtime, 8}, {kMtime, 8},
                {kMemfd, 1}, {kLower, 1}, {kPgid, 8}};
            constexpr uint64_t kOlder = 29;
            if(used() > size) {
                problem = "a process is longer than the size it states";
                return false;
            }
            bool older = size - used() <= kOlder;
            for(const Field &field : kTail) {
                if(older && (field.column == kPidnsStart || field.column == kTty)) continue;
                if(ok && used() + field.width <= size) ok = row.number(cursor, field.column, field.width);
            }
            if(ok && used() < size) ok = cursor.skip(size - used());
        }
        if(!ok) {
            problem = kTooShort;
            return false;
        }
        row.finish();
    }
    return true;
}

bool State::files(Cursor &cursor, bool sized, std::string &problem) {
    const uint8_t *at = cursor.take(8);
    if(!at) {
        problem = "a file list is too short";
        return false;
    }
    uint8_t tid[8];
    std::memcpy(tid, at, 8);
    while(cursor.left() >= 4) {
        Row row(tables[kFds]);
        const uint64_t begin = cursor.left();
        const auto used = [&] { return begin - cursor.left(); };
        uint32_t size = 0;
        if(sized) {
            at = cursor.take(4);
            if(at) std::memcpy(&size, at, 4);
        }
        row.set(kFileTid, tid, 8);
        bool ok = row.number(cursor, kFd, 8) && row.number(cursor, kFileIno, 8);
        at = ok ? cursor.take(1) : nullptr;
        if(!at) {
            problem = kTooShort;
            return false;
        }
        const uint8_t type = *at;
        row.set(kType, &type, 1);
        const auto address = [&](int column, size_t width) {
            const uint8_t *from = cursor.take(width);
            if(from) row.set(column, from, width);
            return from != nullptr;
        };
        switch(type) {
        case kIpv4: case kIpv6: {
            const size_t width = type == kIpv4 ? 4 : 16;
            ok = address(kSourceIp, width) && address(kDestIp, width) &&
                 row.number(cursor, kSourcePort, 2) && row.number(cursor, kDestPort, 2) &&
                 row.number(cursor, kProtocol, 1);
            break;
        }
        case kIpv4Server: case kIpv6Server:
            ok = address(kSourceIp, type == kIpv4Server ? 4 : 16) &&
                 row.number(cursor, kSourcePort, 2) && row.number(cursor, kProtocol, 1);
            break;
        case kUnixSocket:
            ok = row.number(cursor, kSource, 8) && row.number(cursor, kDestination, 8) &&
                 row.text(cursor, kName, true);
            break;
        case kFileV2:
            ok = row.number(cursor, kOpenFlags, 4) && row.text(cursor, kName, true);
            if(ok && size && used() + 4 <= size) ok = row.number(cursor, kDev, 4);
            break;
        case kUnknownFile:
            break;
        default:
            if(type <= kLastFileType) {
                ok = row.text(cursor, kName, true);
            } else if(!sized) {
                problem = "a file of the unknown type " + std::to_string(type);
                return false;
            }
            break;
        }
        if(ok && size) {
            if(used() > size) {
                problem = "a file is longer than the size it states";
                return false;
            }
            ok = cursor.skip(size - used());
        }
        if(!ok) {
            problem = kTooShort;
            return false;
        }
        row.finish();
    }
    return true;
}

bool State::users(Cursor &cursor, bool sized, std::string &problem) {
    // A later list replaces an earlier one.
    tables[kUsers].clear();
    tables[kGroups].clear();
    while(cursor.left() >= 4) {
        const uint64_t begin = cursor.left();
        const auto used = [&] { return begin - cursor.left(); };
        uint32_t size = 0;
        const uint8_t *at;
        if(sized && (at = cursor.take(4))) std::memcpy(&size, at, 4);
        at = cursor.take(1);
        if(!at) {
            problem = kTooShort;
            return false;
        }
        const bool user = *at == 0;
        Row row(tables[user ? kUsers : kGroups]);
        bool ok = row.number(cursor, 0, 4);
        if(user) {
            ok = ok && row.number(cursor, 1, 4) && row.text(cursor, 2, true) &&
                 row.text(cursor, 3, true) && row.text(cursor, 4, true);
        } else {
            ok = ok && row.text(cursor, 1, true);
        }
        if(ok && size) {
            if(used() > size) {
                problem = "a user or group is longer than the size it states";
                return false;
            }
            ok = cursor.skip(size - used());
        }
        if(!ok) {
            problem = kTooShort;
            return false;
        }
        row.finish();
    }
    return true;
}

bool State::interfaces(Cursor &cursor, bool sized, std::string &problem) {
    tables[kInterfaces].clear();
    while(cursor.left() >= 4) {
        Row row(tables[kInterfaces]);
        const uint64_t begin = cursor.left();
        const auto used = [&] { return begin - cursor.left(); };
        uint32_t size = 0;
        const uint8_t *at;
        if(sized && (at = cursor.take(4))) std::memcpy(&size, at, 4);
        at = cursor.take(4);
        if(!at) {
            problem = kTooShort;
            return false;
        }
        uint16_t type = 0, length = 0;
        std::memcpy(&type, at, 2);
        std::memcpy(&length, at + 2, 2);
        if(type < 1 || type > 4) {
            problem = "an interface of the unknown type " + std::to_string(type);
            return false;
        }
        const size_t width = type == 1 || type == 3 ? 4 : 16;
        bool ok = true;
        for(int column = 1; column <= 3 && ok; column++) {
            at = cursor.take(width);
            ok = at != nullptr;
            if(ok) row.set(column, at, width);
        }
        if(type <= 2) ok = ok && row.number(cursor, 4, 8);
        at = ok ? cursor.take(length) : nullptr;
        if(!at) {
            problem = kTooShort;
            return false;
        }
        const void *nul = length ? std::memchr(at, 0, length) : nullptr;
        row.set(0, at, nul ? static_cast<const uint8_t *>(nul) - at : length);
        if(size) {
            // Here the size does not count its own four bytes.
            if(used() > uint64_t{size} + 4) {
                problem = "an interface is longer than the size it states";
                return false;
            }
            if(!cursor.skip(uint64_t{size} + 4 - used())) {
                problem = kTooShort;
                return false;
            }
        }
        row.finish();
    }
    return true;
}

bool State::machine(Cursor &cursor) {
    tables[kMachine].clear();
    Row row(tables[kMachine]);
    bool ok = row.number(cursor, 0, 4) && row.number(cursor, 1, 8) && row.number(cursor, 2, 8);
    const uint8_t *at = ok ? cursor.take(128) : nullptr;
    if(!at) return false;
    const void *nul = std::memchr(at, 0, 128);
    row.set(3, at, nul ? static_cast<const uint8_t *>(nul) - at : 128);
    for(int column = 4; column < 8 && ok; column++) ok = row.number(cursor, column, 8);
    if(!ok) return false;
    row.finish();
    return true;
}

}  // namespace scap
