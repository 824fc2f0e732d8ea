// Threads and thread groups.
#pragma once

#include <cstdint>
#include <list>
#include <memory>

#include "constants.hpp"
#include "fd.hpp"
#include "text.hpp"

namespace state {

struct Thread;

// A thread that may have gone: a slot of the pool, and whose turn it was.
struct Handle {
    Thread *thread = nullptr;
    uint32_t turn = 0;
    inline Thread *get() const;
};

// The threads of a process. The main thread, when there, is the first of the list.
struct Group {
    int64_t pid;
    bool reaper;
    uint64_t alive = 1;
    std::list<Handle> threads;

    inline void clean();
    void lost_one() {
        --alive;
        if(threads.size() >= alive + 11) clean();
    }
};

// What a fork leaves with the child; see threadinfo.h of libsinsp for the meaning of each.
struct Identity {
    TextRef exepath, root;
    int64_t sid = -1, vpgid = -1, pgid = -1;
    uint32_t tty = 0, loginuid = 0xffffffff;
    uint64_t cap_permitted = 0, cap_effective = 0, cap_inheritable = 0;
    uint64_t exe_ino = 0, exe_ino_ctime = 0, exe_ino_mtime = 0, ctime_to_clone = 0;
    bool exe_writable = false, exe_upper = false, exe_lower = false, exe_memfd = false;
};

// The parameters of an enter event that waits for its exit.
struct Entered {
    uint16_t code = 0;
    int64_t directory = 0;
    uint32_t flags = 0;
    bool has_text = false, has_directory = false;
    TextRef text;
};

struct Lineage {
    int32_t node = -1, sid_leader = -1, pgid_leader = -1, vpgid_leader = -1;
    int32_t std_in = -1, std_out = -1, std_err = -1;
    int32_t user = -1, login_user = -1, group = -1, container = -1;
    int64_t threads = 0, other_threads = 0;
    bool operator==(const Lineage &o) const {
        return node == o.node && sid_leader == o.sid_leader && pgid_leader == o.pgid_leader &&
               vpgid_leader == o.vpgid_leader && std_in == o.std_in && std_out == o.std_out &&
               std_err == o.std_err && user == o.user && login_user == o.login_user &&
               group == o.group && container == o.container && threads == o.threads &&
               other_threads == o.other_threads;
    }
};

struct Node {
    int32_t thread = -1, parent = -1, main = -1;
    bool operator==(const Node &o) const {
        return thread == o.thread && parent == o.parent && main == o.main;
    }
};

struct Memory {
    uint32_t size_kb = 0, rss_kb = 0, swap_kb = 0;
    uint64_t major = 0, minor = 0;
    bool operator==(const Memory &o) const {
        return size_kb == o.size_kb && rss_kb == o.rss_kb && swap_kb == o.swap_kb &&
               major == o.major && minor == o.minor;
    }
};

struct Thread : Identity {
    explicit Thread(uint64_t seed) : fds(seed) {}

    int64_t tid = -1, pid = -1, ptid = -1, vtid = -1, vpid = -1;
    int64_t reaper_tid = -1;
    TextRef comm, exe, args, env, cwd, cgroups, container_id;
    uint32_t flags = CL_NAME_CHANGED;
    int64_t fd_limit = -1;
    uint32_t uid = 0xffffffff, gid = 0xffffffff;
    uint64_t pidns_init_start_ts = 0, clone_ts = 0, ctime_to_pidns = 0;
    Memory memory;
    FdTable fds;
    std::shared_ptr<Group> group;
    std::list<Handle> children;
    int64_t live_children = 0;

    // From one event to the next.
    int64_t last_fd = 0;
    uint16_t last_type = 0xffff;
    bool entered_valid = false;
    std::unique_ptr<Entered> entered;

    // Where it stands in the tables of the batch.
    uint64_t serial = 0, from_num = 0;
    bool dirty = false;
    uint64_t row_batch = 0, node_batch = 0, lineage_batch = 0, memory_batch = 0;
    uint64_t node_epoch = 0, lineage_epoch = 0, lineage_stdio = 0;
    const FdTable *lineage_fds = nullptr;
    int32_t row = -1, node_row = -1, lineage_row = -1, memory_row = -1;
    bool in_progress = false;
    int32_t taken_row = -1;
    Node node;
    Lineage lineage;
    Memory told;

    uint32_t turn = 0;  // of this slot of the pool

    bool is_main() const { return tid == pid || (flags & CL_MAIN_THREAD); }
    bool invalid() const { return tid < 0 || pid < 0 || ptid < 0; }
    bool dead() const { return flags & CL_CLOSED; }
    bool in_pid_namespace() const { return (flags & CL_IN_PIDNS) || (tid != vtid && vtid >= 0); }
    Handle handle() { return {this, turn}; }

    Thread *main() {
        if(is_main()) return this;
        if(!group || group->threads.empty()) return nullptr;
        Thread *first = group->threads.front().get();
        return first && first->is_main() ? first : nullptr;
    }
    FdTable *fd_table() {
        if(!(flags & CL_FILES)) return &fds;
        Thread *root = main();
        return root ? &root->fds : nullptr;
    }
    FdState *get_fd(int64_t fd) {
        if(fd < 0) return nullptr;
        FdTable *table = fd_table();
        return table ? table->find(fd) : nullptr;
    }
    std::string_view get_cwd() {
        Thread *root = main();
        return root ? root->cwd.view() : std::string_view("./");
    }
};

inline Thread *Handle::get() const { return thread && thread->turn == turn ? thread : nullptr; }

inline void Group::clean() {
    threads.remove_if([](const Handle &thread) { return !thread.get(); });
}

}  // namespace state
