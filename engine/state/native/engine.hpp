// The state engine: everything that a walk over events changes.
// What each event means is libsinsp's (userspace/libsinsp/parsers.cpp, thread_manager.cpp).
#pragma once

#include <array>
#include <string>
#include <unordered_map>
#include <vector>

#include "batch.hpp"
#include "format.hpp"
#include "tables.hpp"

namespace state {

// The event being walked over.
struct Event {
    int64_t at = 0;           // row of the batch
    int64_t row = 0;          // row of its type's parameters
    const Child *child = nullptr;
    const state_type *type = nullptr;
    uint16_t code = 0;
    uint8_t present = 0;
    uint32_t flags = 0;
    uint64_t num = 0, time = 0;
    int64_t tid = -1;

    Thread *thread = nullptr;
    // Its file, where it stands, and the name it had when the event found it.
    FdRef fd;
    FdTable *table = nullptr;
    int64_t number = -1;
    TextRef old_name;

    bool has(size_t i) const { return i < child->columns.size() && child->columns[i].has(row); }
    int64_t number_of(size_t i) const {
        return i < child->columns.size() ? child->columns[i].number(row) : 0;
    }
    std::string_view bytes(size_t i) const {
        return i < child->columns.size() ? child->columns[i].bytes(row) : std::string_view{};
    }
    // A text, <NA> where there is none.
    std::string_view text(size_t i) const {
        if(!has(i)) return "<NA>";
        const auto value = bytes(i);
        return value == "(NULL)" ? std::string_view("<NA>") : value;
    }
    bool returned() const { return present > 0 && has(0); }
    int64_t result() const { return number_of(0); }
    bool succeeded() const { return returned() && result() >= 0; }
};

struct Snapshot;

class Engine {
public:
    Engine(std::vector<state_type> types, std::vector<state_parameter> parameters,
           const state_limits &limits, uint64_t seed);
    ~Engine();

    // start.cpp
    void begin(const state_table_in &threads, const state_table_in &fds,
               const state_table_in &users, const state_table_in &groups,
               const state_table_in &interfaces, const state_table_in *walked,
               uint64_t boot_ts);

    // snapshot.cpp: all that begin takes, of this moment
    void snapshot(Snapshot &to);

    // engine.cpp
    bool feed(const ArrowArray &batch, const uint16_t *codes, size_t n_codes,
              const state_container *containers, size_t n_containers, const state_out &out);
    void clear_tables();
    void columns(int table, std::vector<state_column> &to) const;

    Texts texts;
    Locals locals;
    std::string error;
    uint64_t live_fds = 0, refused = 0;
    size_t live_threads() const { return threads_.size(); }

private:
    friend struct Starter;
    friend class Resumer;

    // engine.cpp: one event
    void step(Event &e, const state_out &out);
    void reset(Event &e);
    void apply(Event &e);
    void finish(Event &e, const state_out &out);
    void remove_pending(const Event &e);

    // world.cpp: threads, their groups and parents
    Thread *find(int64_t tid);
    Thread *get_thread(int64_t tid);
    Thread *new_thread();
    Thread *add_thread(Thread *thread);
    void remove_thread(int64_t tid);
    void retire(Thread *thread);
    void bury();
    void join_group(Thread *thread);
    void add_child(Thread *parent, Thread *child);
    void child_gone(int64_t ptid);
    Thread *find_reaper(Thread *thread);
    void reparent(Thread *thread, Thread *reaper);
    void note_exit(int64_t tid, int64_t ptid, uint64_t time);
    bool recently_exited(int64_t tid, int64_t ptid, uint64_t time) const;
    void touch(Thread *thread) {
        if(thread->dirty) return;
        thread->dirty = true;
        dirty_.push_back(thread->handle());
        ++epoch_;
    }
    template <class T, class U> void set(Thread *thread, T &field, const U &value) {
        if(field == static_cast<const T &>(value)) return;
        field = value;
        touch(thread);
    }
    void update_cwd(Thread *thread, std::string_view cwd);
    void set_exepath(Thread *thread, std::string_view path);
    void set_cgroups(Thread *thread, std::string_view cgroups);
    void attach_container(Thread *thread);

    // process.cpp: clone, exec, exit and the rest about processes
    void clone_exit(Event &e);
    void clone_in_caller(Event &e, int64_t child);
    void clone_in_child(Event &e);
    void describe_child(Event &e, Thread *child);
    void inherit(Thread *child, Thread *from, bool leader);
    void execve_exit(Event &e);
    void old_exepath(Event &e);
    void process_exit(Event &e);
    void memory_exit(Event &e);
    void limit_exit(Event &e);
    void prlimit_exit(Event &e);
    void identity_exit(Event &e);
    void namespace_exit(Event &e);
    void names_event(Event &e);

    // files.cpp
    void open_exit(Event &e);
    void close_exit(Event &e);
    void close_range_exit(Event &e);
    void dup_exit(Event &e);
    void fcntl_exit(Event &e);
    void new_fd_exit(Event &e);
    void pipe_exit(Event &e);
    void memfd_exit(Event &e);
    void pidfd_exit(Event &e);
    void store_enter(Event &e);
    const Entered *entered(Event &e);
    std::string directory_of(const Event &e, std::string_view path, int64_t directory);

    // sockets.cpp
    void socket_exit(Event &e);
    void add_socket(Event &e, int64_t fd, uint32_t domain, uint32_t type, uint32_t protocol,
                    uint32_t flags);
    void bind_exit(Event &e);
    void connect_exit(Event &e);
    void accept_exit(Event &e);
    void socketpair_exit(Event &e);
    void traffic_exit(Event &e);
    bool update_tuple(Fd &fd, const Packed &tuple);
    void guess_role(Thread *thread, Fd &fd, bool incoming);
    void complete(Fd &fd) const;

    // The file of an event: looked up, put into the table, or changed.
    void find_fd(Event &e, int64_t fd);
    void add_fd(Event &e, int64_t fd, Fd &&state, const TextRef &old_name);
    FdRef make_fd(Thread *thread, int64_t number, Fd &&state);
    void change_fd(Event &e, Fd &&state);

    // rows.cpp: where a thread, a file, a user stand in the tables of the batch
    int32_t row_of(Thread *thread);
    int32_t row_of(FdState *fd);
    int32_t row_of(Name *name, bool user);
    int32_t node_of(Thread *thread, uint32_t depth);
    int32_t lineage_of(Thread *thread);
    int32_t memory_of(Thread *thread);
    Thread *leader_of(Thread *thread, int64_t Thread::*id, bool is_virtual);
    void note_changes();
    void references(const Event &e, int64_t fd_number);

    bool local_v4(uint32_t ip) const;
    bool local_v6(const uint8_t *ip) const;
    Name *name_of(bool user, const TextRef &container, uint32_t id);
    void set_name(bool user, std::string_view container, uint32_t id, uint32_t gid,
                  std::string_view name, std::string_view home, std::string_view shell,
                  bool replace);
    void drop_name(bool user, std::string_view container, uint32_t id);

    struct NameKey {
        Text *container;
        uint32_t id;
        bool operator==(const NameKey &o) const { return container == o.container && id == o.id; }
    };
    struct NameHash {
        uint64_t seed;  // a capture chooses the ids
        size_t operator()(const NameKey &key) const {
            return mix(reinterpret_cast<uint64_t>(key.container) ^ key.id ^ seed);
        }
    };
    using Names = std::unordered_map<NameKey, Name, NameHash>;
    struct Interface4 {
        uint32_t address, netmask;
    };
    struct Interface6 {
        std::array<uint8_t, 16> address;
    };
    struct Exited {
        int64_t key = 0;
        uint64_t time = 0;
    };
    struct Container {
        TextRef id;
        int32_t reference;
    };
    struct Belonging {
        TextRef cgroups, id;
        Runtime runtime;
    };

    std::vector<state_type> types_;
    std::vector<state_parameter> parameters_;
    state_limits limits_;
    uint64_t seed_;

    FlatMap<Thread *> threads_;
    FlatMap<std::shared_ptr<Group>> groups_;
    std::vector<Thread *> pool_, free_, buried_;
    Names users_, user_groups_;
    std::unordered_map<Text *, Container> containers_;
    std::unordered_map<Text *, Belonging> belonging_;  // by cgroups, remembered
    std::unordered_map<Text *, std::pair<TextRef, TextRef>> cgroups_;  // as told and as named here
    std::vector<Interface4> interfaces4_;
    std::vector<Interface6> interfaces6_;
    uint64_t boot_ts_ = 0;
    TextRef na_;

    // What the last event leaves to be done before the next.
    int64_t exited_tid_ = -1, closed_tid_ = -1, closed_fd_ = -1;
    bool exited_ = false, closed_ = false;
    std::vector<Exited> recent_;  // the last exits, in turn
    size_t recent_at_ = 0;
    FlatMap<size_t> recent_of_;   // where one is told last, by thread and parent

    // Versions.
    uint64_t epoch_ = 1, batch_ = 1, num_ = 0;
    uint64_t thread_serial_ = 0, fd_serial_ = 0;
    std::vector<Handle> dirty_;
    ThreadTable thread_rows_;
    NodeTable node_rows_;
    LineageTable lineage_rows_;
    FdRows fd_rows_;
    UserTable user_rows_;
    GroupTable group_rows_;
    MemoryTable memory_rows_;
    ReferenceTable reference_rows_;
    std::vector<Child> children_;
};

}  // namespace state
