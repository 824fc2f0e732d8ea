// The rows of a batch: states of threads and files as columns, texts as codes.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <vector>

#include "state.h"
#include "thread.hpp"

namespace state {

// The texts of a batch, each once; code 0 is the empty text.
class Locals {
public:
    Locals() { clear(1); }

    int32_t code(const TextRef &ref) {
        Text *text = ref.get();
        if(!text) return 0;
        if(text->batch == batch_) return text->local;
        text->batch = batch_;
        text->local = static_cast<int32_t>(offsets_.size() - 1);
        held_.push_back(ref);
        put(text->view());
        return text->local;
    }
    // A text that nothing else holds: addresses.
    int32_t loose(const void *data, size_t size) {
        const int32_t code = static_cast<int32_t>(offsets_.size() - 1);
        put({static_cast<const char *>(data), size});
        return code;
    }
    void clear(uint64_t batch) {
        batch_ = batch;
        held_.clear();
        bytes_.clear();
        offsets_.assign(2, 0);
    }
    size_t size() const { return offsets_.size() - 1; }
    const int32_t *offsets() const { return offsets_.data(); }
    const char *bytes() const { return bytes_.data(); }
    size_t total() const { return bytes_.size(); }

private:
    void put(std::string_view text) {
        if(bytes_.size() + text.size() > INT32_MAX) {
            throw std::length_error("the texts of one batch are more than 2 GB");
        }
        bytes_.insert(bytes_.end(), text.begin(), text.end());
        offsets_.push_back(static_cast<int32_t>(bytes_.size()));
    }
    uint64_t batch_ = 1;
    std::vector<TextRef> held_;
    std::vector<int32_t> offsets_;
    std::vector<char> bytes_;
};

// A code of Locals.
struct Code {
    int32_t value;
};

template <class T> struct NumpyType;
template <> struct NumpyType<int8_t> { static constexpr const char *name = "i1"; };
template <> struct NumpyType<uint8_t> { static constexpr const char *name = "u1"; };
template <> struct NumpyType<uint16_t> { static constexpr const char *name = "u2"; };
template <> struct NumpyType<int32_t> { static constexpr const char *name = "i4"; };
template <> struct NumpyType<uint32_t> { static constexpr const char *name = "u4"; };
template <> struct NumpyType<int64_t> { static constexpr const char *name = "i8"; };
template <> struct NumpyType<uint64_t> { static constexpr const char *name = "u8"; };
template <> struct NumpyType<Code> { static constexpr const char *name = "t"; };

// A table from a list of X(type, name, expression); `v` is the thing a row is made of.
#define STATE_TABLE(Table, Of, COLUMNS)                                                     \
    struct Table {                                                                          \
        COLUMNS(STATE_MEMBER)                                                               \
        int32_t rows = 0;                                                                   \
        int32_t add(const Of &v, Locals &t) {                                               \
            (void)t;                                                                        \
            COLUMNS(STATE_ADD)                                                              \
            return rows++;                                                                  \
        }                                                                                   \
        void clear() {                                                                      \
            COLUMNS(STATE_CLEAR)                                                            \
            rows = 0;                                                                       \
        }                                                                                   \
        void columns(std::vector<state_column> &to) const { COLUMNS(STATE_DESCRIBE) }       \
    };
#define STATE_MEMBER(Type, column, value) std::vector<Type> column;
#define STATE_ADD(Type, column, value) column.push_back(Type{value});
#define STATE_CLEAR(Type, column, value) column.clear();
#define STATE_DESCRIBE(Type, column, value) \
    to.push_back({#column, NumpyType<Type>::name, column.data(), column.size() * sizeof(Type)});

// clang-format off
#define THREAD_COLUMNS(X)                                                                   \
    X(uint64_t, serial, v.serial) X(uint64_t, from_num, v.from_num)                         \
    X(int64_t, tid, v.tid) X(int64_t, pid, v.pid) X(int64_t, ptid, v.ptid)                  \
    X(int64_t, sid, v.sid) X(int64_t, vpgid, v.vpgid) X(int64_t, pgid, v.pgid)              \
    X(int64_t, vtid, v.vtid) X(int64_t, vpid, v.vpid)                                       \
    X(Code, comm, t.code(v.comm)) X(Code, exe, t.code(v.exe))                               \
    X(Code, exepath, t.code(v.exepath)) X(Code, args, t.code(v.args))                       \
    X(Code, env, t.code(v.env)) X(Code, cwd, t.code(v.cwd)) X(Code, root, t.code(v.root))   \
    X(Code, cgroups, t.code(v.cgroups)) X(Code, container_id, t.code(v.container_id))       \
    X(uint32_t, flags, v.flags & ~CL_ACTIVE) X(int64_t, fd_limit, v.fd_limit)               \
    X(uint32_t, uid, v.uid) X(uint32_t, gid, v.gid) X(uint32_t, loginuid, v.loginuid)       \
    X(uint32_t, tty, v.tty) X(uint64_t, cap_permitted, v.cap_permitted)                     \
    X(uint64_t, cap_inheritable, v.cap_inheritable)                                         \
    X(uint64_t, cap_effective, v.cap_effective)                                             \
    X(uint8_t, exe_writable, v.exe_writable) X(uint8_t, exe_upper_layer, v.exe_upper)       \
    X(uint8_t, exe_lower_layer, v.exe_lower) X(uint8_t, exe_from_memfd, v.exe_memfd)        \
    X(uint64_t, exe_ino, v.exe_ino) X(uint64_t, exe_ino_ctime, v.exe_ino_ctime)             \
    X(uint64_t, exe_ino_mtime, v.exe_ino_mtime)                                             \
    X(uint64_t, exe_ino_ctime_duration_clone_ts, v.ctime_to_clone)                          \
    X(uint64_t, exe_ino_ctime_duration_pidns_start, v.ctime_to_pidns)                       \
    X(uint64_t, pidns_init_start_ts, v.pidns_init_start_ts)                                 \
    X(uint64_t, clone_ts, v.clone_ts) X(uint8_t, is_main, v.is_main())

#define NODE_COLUMNS(X)                                                                     \
    X(int32_t, thread, v.thread) X(int32_t, parent, v.parent) X(int32_t, main, v.main)

#define LINEAGE_COLUMNS(X)                                                                  \
    X(int32_t, node, v.node) X(int32_t, sid_leader, v.sid_leader)                           \
    X(int32_t, pgid_leader, v.pgid_leader) X(int32_t, vpgid_leader, v.vpgid_leader)         \
    X(int32_t, std_in, v.std_in) X(int32_t, std_out, v.std_out) X(int32_t, std_err, v.std_err) \
    X(int32_t, user, v.user) X(int32_t, login_user, v.login_user) X(int32_t, group, v.group) \
    X(int32_t, container, v.container) X(int64_t, threads, v.threads)                       \
    X(int64_t, other_threads, v.other_threads)

#define FD_COLUMNS(X)                                                                       \
    X(uint64_t, serial, v.fd.serial) X(uint64_t, from_num, v.fd.from_num)                   \
    X(int64_t, tid, v.fd.tid) X(int64_t, fd, v.fd.number) X(int8_t, type, v.fd.type)        \
    X(Code, name, t.code(v.fd.name)) X(Code, name_raw, t.code(v.fd.name_raw))               \
    X(uint32_t, open_flags, v.fd.open_flags) X(uint32_t, flags, v.fd.flags)                 \
    X(uint32_t, dev, v.fd.dev) X(uint64_t, ino, v.fd.ino) X(int64_t, pid, v.fd.pid)         \
    X(Code, source_ip, v.source_ip) X(Code, dest_ip, v.dest_ip)                             \
    X(uint16_t, source_port, v.source_port) X(uint16_t, dest_port, v.dest_port)             \
    X(uint8_t, l4proto, v.fd.l4proto()) X(uint64_t, source, v.source)                       \
    X(uint64_t, destination, v.destination)                                                 \
    X(uint8_t, source_is_local, v.source_local)                                             \
    X(uint8_t, dest_is_local, v.dest_local)

#define USER_COLUMNS(X)                                                                     \
    X(Code, container_id, t.code(v.container)) X(uint32_t, uid, v.id)                       \
    X(uint32_t, gid, v.gid) X(Code, name, t.code(v.name)) X(Code, homedir, t.code(v.home))  \
    X(Code, shell, t.code(v.shell))

#define GROUP_COLUMNS(X)                                                                    \
    X(Code, container_id, t.code(v.container)) X(uint32_t, gid, v.id) X(Code, name, t.code(v.name))

#define MEMORY_COLUMNS(X)                                                                   \
    X(uint32_t, size_kb, v.size_kb) X(uint32_t, rss_kb, v.rss_kb)                           \
    X(uint32_t, swap_kb, v.swap_kb) X(uint64_t, major_faults, v.major)                      \
    X(uint64_t, minor_faults, v.minor)

#define REFERENCE_COLUMNS(X)                                                                \
    X(int32_t, row, v.row) X(uint8_t, parameter, v.parameter) X(int32_t, item, v.item)      \
    X(int32_t, fd, v.fd)
// clang-format on

// A state of a file with its addresses taken out of the union.
struct FdView {
    const FdState &fd;
    Code source_ip{0}, dest_ip{0};
    uint16_t source_port = 0, dest_port = 0;
    uint64_t source = 0, destination = 0;
    bool source_local = false, dest_local = false;
};

struct Name {  // of a user or a group
    TextRef container, name, home, shell;
    uint32_t id = 0, gid = 0;
    uint64_t batch = 0;
    int32_t row = -1;
};

struct Reference {
    int32_t row;
    uint8_t parameter;
    int32_t item, fd;
};

STATE_TABLE(ThreadTable, Thread, THREAD_COLUMNS)
STATE_TABLE(NodeRows, Node, NODE_COLUMNS)
STATE_TABLE(LineageTable, Lineage, LINEAGE_COLUMNS)
STATE_TABLE(FdRows, FdView, FD_COLUMNS)
STATE_TABLE(UserTable, Name, USER_COLUMNS)
STATE_TABLE(GroupTable, Name, GROUP_COLUMNS)
STATE_TABLE(MemoryTable, Memory, MEMORY_COLUMNS)
STATE_TABLE(ReferenceTable, Reference, REFERENCE_COLUMNS)

// A node whose row was taken before it was known is put there.
struct NodeTable : NodeRows {
    void put(int32_t row, const Node &node) {
        thread[row] = node.thread;
        parent[row] = node.parent;
        main[row] = node.main;
    }
};

}  // namespace state
