// The state of one moment as tables that Engine::begin takes again.
#pragma once

#include <vector>

#include "tables.hpp"

namespace state {

// Texts of snapshots are counted apart from those of batches.
constexpr uint64_t SNAPSHOT_BATCH = uint64_t{1} << 63;

struct SnapFile {
    const Thread &thread;
    int64_t number;
    const Fd &fd;
    Code source_ip{0}, dest_ip{0}, socket{0};
    uint16_t source_port = 0, dest_port = 0;
    uint8_t l4proto = 0;
    uint64_t source = 0, destination = 0;
};

struct SnapThread {
    const Thread &thread;
    int32_t group;  // row of the groups, -1 for none
    const Entered *entered;
};

struct SnapGroup {
    const Group &group;
    bool mapped;  // it is the one that threads of this number join
};

enum : uint8_t { LINK_MEMBER, LINK_CHILD, LINK_MEMBER_GONE, LINK_CHILD_GONE };

struct SnapLink {
    uint8_t kind;
    int64_t of;   // row of the groups, or the parent's number
    int64_t tid;
};

struct SnapExit {
    int64_t key;
    uint64_t time;
};

struct SnapContainer {
    const TextRef &id;
    int32_t reference;
};

struct SnapPending {
    int64_t exited_tid, closed_tid, closed_fd;
    bool exited, closed;
};

// clang-format off
// The columns of capture/events/state_schema.py, by their names there.
#define SNAP_THREAD_COLUMNS(X)                                                              \
    X(int64_t, tid, v.tid) X(int64_t, pid, v.pid) X(int64_t, ptid, v.ptid)                  \
    X(int64_t, sid, v.sid) X(int64_t, vpgid, v.vpgid) X(Code, comm, t.code(v.comm))         \
    X(Code, exe, t.code(v.exe)) X(Code, exepath, t.code(v.exepath))                         \
    X(Code, args, t.code(v.args)) X(Code, cwd, t.code(v.cwd))                               \
    X(int64_t, fdlimit, v.fd_limit) X(uint32_t, flags, v.flags) X(uint32_t, uid, v.uid)     \
    X(uint32_t, gid, v.gid) X(uint32_t, vmsize_kb, v.memory.size_kb)                        \
    X(uint32_t, vmrss_kb, v.memory.rss_kb) X(uint32_t, vmswap_kb, v.memory.swap_kb)         \
    X(uint64_t, pfmajor, v.memory.major) X(uint64_t, pfminor, v.memory.minor)               \
    X(Code, env, t.code(v.env)) X(int64_t, vtid, v.vtid) X(int64_t, vpid, v.vpid)           \
    X(Code, cgroups, t.code(v.cgroups)) X(Code, root, t.code(v.root))                       \
    X(uint64_t, pidns_init_start_ts, v.pidns_init_start_ts) X(uint32_t, tty, v.tty)         \
    X(uint32_t, loginuid, v.loginuid) X(uint8_t, exe_writable, v.exe_writable)              \
    X(uint64_t, cap_inheritable, v.cap_inheritable)                                         \
    X(uint64_t, cap_permitted, v.cap_permitted) X(uint64_t, cap_effective, v.cap_effective) \
    X(uint8_t, exe_upper_layer, v.exe_upper) X(uint64_t, exe_ino, v.exe_ino)                \
    X(uint64_t, exe_ino_ctime, v.exe_ino_ctime) X(uint64_t, exe_ino_mtime, v.exe_ino_mtime) \
    X(uint8_t, exe_from_memfd, v.exe_memfd) X(uint8_t, exe_lower_layer, v.exe_lower)        \
    X(int64_t, pgid, v.pgid)

#define SNAP_FD_COLUMNS(X)                                                                  \
    X(int64_t, tid, v.thread.tid) X(int64_t, fd, v.number) X(uint64_t, ino, v.fd.ino)       \
    X(uint8_t, type, v.fd.type < 0 ? uint8_t{FD_UNKNOWN} : static_cast<uint8_t>(v.fd.type)) \
    X(Code, name, t.code(v.fd.name)) X(uint32_t, open_flags, v.fd.open_flags)               \
    X(uint32_t, dev, v.fd.dev) X(Code, source_ip, v.source_ip) X(Code, dest_ip, v.dest_ip)  \
    X(uint16_t, source_port, v.source_port) X(uint16_t, dest_port, v.dest_port)             \
    X(uint8_t, l4proto, v.l4proto) X(uint64_t, source, v.source)                            \
    X(uint64_t, destination, v.destination)

#define SNAP_USER_COLUMNS(X)                                                                \
    X(uint32_t, uid, v.id) X(uint32_t, gid, v.gid) X(Code, name, t.code(v.name))            \
    X(Code, homedir, t.code(v.home)) X(Code, shell, t.code(v.shell))

#define SNAP_GROUP_COLUMNS(X) X(uint32_t, gid, v.id) X(Code, name, t.code(v.name))

// Those of capture/events/walked_state.py.
#define WALKED_THREAD_COLUMNS(X)                                                            \
    X(int64_t, tid, v.thread.tid) X(Code, container_id, t.code(v.thread.container_id))      \
    X(uint64_t, clone_ts, v.thread.clone_ts)                                                \
    X(uint64_t, ctime_to_clone, v.thread.ctime_to_clone)                                    \
    X(uint64_t, ctime_to_pidns, v.thread.ctime_to_pidns)                                    \
    X(int64_t, reaper_tid, v.thread.reaper_tid) X(int32_t, group, v.group)                  \
    X(int64_t, last_fd, v.thread.last_fd) X(uint16_t, last_type, v.thread.last_type)        \
    X(uint8_t, entered_valid, v.thread.entered_valid)                                       \
    X(int32_t, entered_code, v.entered ? v.entered->code : -1)                              \
    X(int64_t, entered_directory, v.entered ? v.entered->directory : 0)                     \
    X(uint32_t, entered_flags, v.entered ? v.entered->flags : 0)                            \
    X(uint8_t, entered_has_text, v.entered && v.entered->has_text)                          \
    X(uint8_t, entered_has_directory, v.entered && v.entered->has_directory)                \
    X(Code, entered_text, v.entered ? t.code(v.entered->text) : 0)                          \
    X(int64_t, live_children, v.thread.live_children)

#define WALKED_FD_COLUMNS(X)                                                                \
    X(int64_t, tid, v.thread.tid) X(int64_t, fd, v.number) X(int8_t, type, v.fd.type)       \
    X(uint32_t, flags, v.fd.flags) X(Code, name_raw, t.code(v.fd.name_raw))                 \
    X(int64_t, pid, v.fd.pid) X(Code, socket, v.socket)

#define WALKED_GROUP_COLUMNS(X)                                                             \
    X(int64_t, pid, v.group.pid) X(uint8_t, mapped, v.mapped)                               \
    X(uint8_t, reaper, v.group.reaper) X(uint64_t, alive, v.group.alive)

#define WALKED_LINK_COLUMNS(X) X(uint8_t, kind, v.kind) X(int64_t, of, v.of) X(int64_t, tid, v.tid)

#define WALKED_EXIT_COLUMNS(X) X(int64_t, key, v.key) X(uint64_t, time, v.time)

#define WALKED_CONTAINER_COLUMNS(X) X(Code, id, t.code(v.id)) X(int32_t, reference, v.reference)

#define WALKED_PENDING_COLUMNS(X)                                                           \
    X(int64_t, exited_tid, v.exited_tid) X(uint8_t, exited, v.exited)                       \
    X(int64_t, closed_tid, v.closed_tid) X(int64_t, closed_fd, v.closed_fd)                 \
    X(uint8_t, closed, v.closed)
// clang-format on

STATE_TABLE(SnapThreads, Thread, SNAP_THREAD_COLUMNS)
STATE_TABLE(SnapFds, SnapFile, SNAP_FD_COLUMNS)
STATE_TABLE(SnapUsers, Name, SNAP_USER_COLUMNS)
STATE_TABLE(SnapGroups, Name, SNAP_GROUP_COLUMNS)
STATE_TABLE(WalkedThreads, SnapThread, WALKED_THREAD_COLUMNS)
STATE_TABLE(WalkedFds, SnapFile, WALKED_FD_COLUMNS)
STATE_TABLE(WalkedGroups, SnapGroup, WALKED_GROUP_COLUMNS)
STATE_TABLE(WalkedLinks, SnapLink, WALKED_LINK_COLUMNS)
STATE_TABLE(WalkedExits, SnapExit, WALKED_EXIT_COLUMNS)
STATE_TABLE(WalkedContainers, SnapContainer, WALKED_CONTAINER_COLUMNS)
STATE_TABLE(WalkedPending, SnapPending, WALKED_PENDING_COLUMNS)

struct Snapshot {
    Locals locals;
    SnapThreads threads;
    SnapFds fds;
    SnapUsers users;
    SnapGroups groups;
    WalkedThreads walked_threads;
    WalkedFds walked_fds;
    WalkedGroups walked_groups;
    WalkedLinks walked_links;
    WalkedExits walked_exits;
    WalkedContainers walked_containers;
    WalkedPending walked_pending;
    std::vector<state_column> columns[STATE_SNAP_TABLES];
    uint64_t turn = 0;

    // Nothing in it; the memory goes too, for the next one may be long in coming.
    void clear() {
        const uint64_t next = turn + 1;
        *this = Snapshot();
        turn = next;
        locals.clear(SNAPSHOT_BATCH + turn);
    }
    void describe() {
        size_t at = 0;
        for(auto &each : columns) each.clear();
        threads.columns(columns[at++]);
        fds.columns(columns[at++]);
        users.columns(columns[at++]);
        groups.columns(columns[at++]);
        walked_threads.columns(columns[at++]);
        walked_fds.columns(columns[at++]);
        walked_groups.columns(columns[at++]);
        walked_links.columns(columns[at++]);
        walked_exits.columns(columns[at++]);
        walked_containers.columns(columns[at++]);
        walked_pending.columns(columns[at++]);
    }
};

}  // namespace state
