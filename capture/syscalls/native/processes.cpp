// Values of processes: arguments, cgroups, the executable and what may be done with it.
#include "values.hpp"

#include <string_view>
#include <sys/stat.h>

namespace probe {

uint32_t clone_bits(uint64_t flags);

namespace {

using Bytes = std::vector<uint8_t>;

constexpr uint32_t kChildInPidNamespace = 1 << 29;
enum { kWritable = 1, kUpperLayer = 2, kFromMemfd = 4, kLowerLayer = 8 };

void put(Bytes &to, std::string_view text) {
    to.insert(to.end(), text.begin(), text.end());
}

Value made(const Bytes &room) {
    return bytes({room.data(), static_cast<uint32_t>(room.size())});
}

// Length of the first text of several, with its NUL where it has one.
uint32_t first_text(Slice texts) {
    const auto length = static_cast<uint32_t>(
        strnlen(reinterpret_cast<const char *>(texts.data), texts.size));
    return length < texts.size ? length + 1 : length;
}

// Texts as they are, but the last one ends.
Value ended(Call &call, Slice texts) {
    if(!texts.size) return empty();
    if(texts.data[texts.size - 1] == 0) return bytes(texts);
    Bytes &room = call.room();
    room.assign(texts.data, texts.data + texts.size);
    room.back() = 0;
    return made(room);
}

Value exe(Call &call, const probe_source *sources) {
    const Slice texts = call.piece(sources[0]);
    if(!texts.size) return empty();
    return bytes({texts.data, first_text(texts)});
}

Value arguments(Call &call, const probe_source *sources) {
    const Slice texts = call.piece(sources[0]);
    if(!texts.size) return empty();
    const uint32_t first = first_text(texts);
    return ended(call, {texts.data + first, texts.size - first});
}

Value cgroups(Call &call, const probe_source *sources) {
    static constexpr std::string_view kControllers[] = {"cpuset", "cpu", "cpuacct", "io", "memory"};
    const Slice found = call.piece(sources[0]);
    Bytes &room = call.room();
    const uint8_t *at = found.data, *end = found.data + found.size;
    for(std::string_view controller : kControllers) {
        if(at >= end) break;
        const uint8_t count = *at++;
        if(count == 255) continue;
        std::string_view names[128];
        unsigned have = 0;
        for(; have < (count & 127u) && at < end; have++) {
            const size_t length = strnlen(reinterpret_cast<const char *>(at), end - at);
            names[have] = {reinterpret_cast<const char *>(at), length};
            at += length + 1;
        }
        put(room, controller);
        room.push_back('=');
        if(count & 128 || have <= 1) room.push_back('/');
        for(unsigned i = have; i-- > 0;) {
            put(room, names[i]);
            if(i) room.push_back('/');
        }
        room.push_back(0);
    }
    return made(room);
}

Value path(Call &call, const probe_source *sources) {
    const Slice found = call.piece(sources[0]);
    if(found.size < 1) return empty();
    const auto *at = reinterpret_cast<const char *>(found.data + 1);
    const char *end = at + found.size - 1;
    Bytes &room = call.room();
    if(found.data[0]) {
        put(room, {at, strnlen(at, end - at)});
    } else {
        std::vector<std::string_view> names;
        while(at < end) {
            names.emplace_back(at, strnlen(at, end - at));
            at += names.back().size() + 1;
        }
        for(size_t i = names.size(); i-- > 0;) {
            room.push_back('/');
            put(room, names[i]);
        }
    }
    room.push_back(0);
    return made(room);
}

bool mapped(uint32_t id, const probe_extent *extents, uint32_t count) {
    for(uint32_t i = 0; i < count && i < 5; i++)
        if(id >= extents[i].lower_first && id - extents[i].lower_first < extents[i].count) return true;
    return false;
}

// Whether the process may write its own executable. Facts from extract__exe_writable of upstream's
// driver, which asks of capabilities in the process's own user name space.
bool writable(const probe_exe &e, const probe_task &t, Slice groups) {
    constexpr uint32_t kReadOnly = 1, kImmutable = 8, kMayWrite = 2;
    if((e.sb_flags & kReadOnly) && (S_ISREG(e.mode) || S_ISDIR(e.mode) || S_ISLNK(e.mode)))
        return false;
    if(e.flags & kImmutable) return false;
    if(e.uid == UINT32_MAX || e.gid == UINT32_MAX) return false;
    if(e.uid == t.fsuid) return true;
    bool in_group = e.gid == t.fsgid;
    for(uint32_t i = 0; i + 4 <= groups.size; i += 4)
        in_group = in_group || load<uint32_t>(groups.data + i) == e.gid;
    if((in_group ? e.mode >> 3 : e.mode) & kMayWrite) return true;
    const bool user = mapped(e.uid, e.uids, e.uid_extents);
    const bool group = mapped(e.gid, e.gids, e.gid_extents);
    constexpr unsigned kDacOverride = 1, kFowner = 3;
    if((t.cap_effective >> kDacOverride & 1) && user && group) return true;
    return (t.cap_effective >> kFowner & 1) && user;
}

Value exe_flags(Call &call, const probe_source *sources) {
    probe_exe e;
    probe_task t;
    if(!call.as(sources[0], e) || !call.as(sources[1], t)) return number(0);
    const Slice whole = call.piece(sources[0]);
    const Slice groups{whole.data + sizeof e, static_cast<uint32_t>(whole.size - sizeof e)};
    int64_t flags = writable(e, t, groups) ? kWritable : 0;
    if(e.layer == 1) flags |= kUpperLayer;
    if(e.layer == 2) flags |= kLowerLayer;
    if(e.memfd) flags |= kFromMemfd;
    return number(flags);
}

Value moment(int64_t seconds, uint32_t nanoseconds) {
    if(seconds < 0) return number(0);
    return number(static_cast<int64_t>(static_cast<uint64_t>(seconds) * 1000000000 + nanoseconds));
}

Value comm(Call &call, const probe_source *sources) {
    const Slice found = call.piece(sources[0]);
    if(found.size < sizeof(probe_task)) return empty();
    const uint8_t *name = found.data + offsetof(probe_task, comm);
    return bytes({name, first_text({name, sizeof(probe_task::comm)})});
}

Value task_clone_flags(Call &call, const probe_source *sources) {
    probe_task t;
    uint32_t flags = clone_bits(static_cast<uint64_t>(call.number(sources[0])));
    if(call.as(sources[1], t) && t.in_pidns) flags |= kChildInPidNamespace;
    return number(flags);
}

Value prctl_text(Call &call, const probe_source *sources) {
    const auto option = static_cast<uint32_t>(call.argument(0));
    const bool named = option == 15 || option == 16;  // PR_SET_NAME, PR_GET_NAME
    return named ? bytes(call.piece(sources[0])) : empty();
}

Value prctl_number(Call &call, const probe_source *sources) {
    switch(static_cast<uint32_t>(call.argument(0))) {
    case 15:
    case 16:
        return number(0);
    case 37: {  // PR_GET_CHILD_SUBREAPER: what the kernel wrote there
        const Slice found = call.piece(sources[0]);
        return number(found.size >= 4 ? load<int32_t>(found.data) : 0);
    }
    default:
        return number(static_cast<int64_t>(call.argument(1)));
    }
}

}  // namespace

const Function kProcessFunctions[] = {
    {"exe", exe},
    {"arguments", arguments},
    {"arguments_all",
     [](Call &call, const probe_source *sources) { return ended(call, call.piece(sources[0])); }},
    {"cgroups", cgroups},
    {"path", path},
    {"exe_flags", exe_flags},
    {"exe_ino",
     [](Call &call, const probe_source *sources) {
         probe_exe e;
         return number(call.as(sources[0], e) ? static_cast<int64_t>(e.ino) : 0);
     }},
    {"exe_ctime",
     [](Call &call, const probe_source *sources) {
         probe_exe e;
         return call.as(sources[0], e) ? moment(e.ctime_sec, e.ctime_nsec) : number(0);
     }},
    {"exe_mtime",
     [](Call &call, const probe_source *sources) {
         probe_exe e;
         return call.as(sources[0], e) ? moment(e.mtime_sec, e.mtime_nsec) : number(0);
     }},
    {"comm", comm},
    {"task_clone_flags", task_clone_flags},
    {"prctl_text", prctl_text},
    {"prctl_number", prctl_number},
    // What a process ended with: its exit code, the signal that killed it, whether it left a core.
    {"wait_status",
     [](Call &call, const probe_source *sources) {
         return number(call.number(sources[0]) >> 8 & 0xff);
     }},
    {"wait_signal",
     [](Call &call, const probe_source *sources) {
         const int64_t signal = call.number(sources[0]) & 0x7f;
         return number(signal == 0x7f ? 0 : signal);
     }},
    {"wait_core",
     [](Call &call, const probe_source *sources) {
         return number((call.number(sources[0]) & 0x80) != 0);
     }},
    {nullptr, nullptr},
};

}  // namespace probe
