// The walk: one event after another, each on the state that those before it left.
#include "engine.hpp"

#include <algorithm>

namespace state {

namespace {

constexpr size_t HEAD = 7;  // columns before the union, see capture/events/schema.py
constexpr size_t RECENT = 8192;

}  // namespace

Engine::Engine(std::vector<state_type> types, std::vector<state_parameter> parameters,
               const state_limits &limits, uint64_t seed)
    : texts(seed), types_(std::move(types)), parameters_(std::move(parameters)), limits_(limits),
      seed_(seed), threads_(seed), groups_(seed), users_(16, NameHash{seed}),
      user_groups_(16, NameHash{seed}), na_(texts.hold("<NA>")), recent_(RECENT),
      recent_of_(seed) {}

Engine::~Engine() {
    locals.clear(0);
    for(Thread *thread : pool_) delete thread;
}

bool Engine::feed(const ArrowArray &batch, const uint16_t *codes, size_t n_codes,
                  const state_container *containers, size_t n_containers, const state_out &out) {
    if(batch.n_children != static_cast<int64_t>(HEAD + 1) || batch.offset != 0) {
        error = "this is no batch of events";
        return false;
    }
    const ArrowArray &events = *batch.children[HEAD];
    if(events.n_children != static_cast<int64_t>(n_codes) || events.n_buffers != 2) {
        error = "the events of the batch are no dense union of their types";
        return false;
    }
    const auto *type_ids = static_cast<const int8_t *>(events.buffers[0]) + events.offset;
    const auto *offsets = static_cast<const int32_t *>(events.buffers[1]) + events.offset;
    const Column nums(*batch.children[0], STATE_U64, 0), times(*batch.children[1], STATE_U64, 0),
        tids(*batch.children[3], STATE_I64, 0), present(*batch.children[5], STATE_U8, 0),
        flags(*batch.children[6], STATE_U32, 0);

    children_.assign(n_codes, {});
    for(size_t i = 0; i < n_codes; ++i) {
        const ArrowArray &child = *events.children[i];
        if(codes[i] >= types_.size() || child.n_children != types_[codes[i]].parameters) {
            error = "the parameters of an event type are not those of the table";
            return false;
        }
        children_[i].code = codes[i];
        children_[i].length = child.length;
        for(int64_t p = 0; p < child.n_children; ++p) {
            const auto &parameter = parameters_[types_[codes[i]].first + p];
            children_[i].columns.emplace_back(*child.children[p], parameter.kind, child.offset);
        }
    }

    size_t next_container = 0;
    for(int64_t at = 0; at < batch.length; ++at) {
        const int8_t type_id = type_ids[at];
        if(type_id < 0 || static_cast<size_t>(type_id) >= n_codes || offsets[at] < 0 ||
           offsets[at] >= children_[type_id].length) {
            error = "an event of the batch points outside its parameters";
            return false;
        }
        Event e;
        e.at = at;
        e.row = offsets[at];
        e.child = &children_[type_id];
        e.code = e.child->code;
        e.type = &types_[e.code];
        e.num = nums.number(at);
        e.time = times.number(at);
        e.tid = tids.number(at);
        e.present = static_cast<uint8_t>(present.number(at));
        e.flags = static_cast<uint32_t>(flags.number(at));
        while(next_container < n_containers && containers[next_container].row <= at) {
            const auto &told = containers[next_container++];
            const TextRef id = texts.hold({told.id, told.size});
            if(told.reference < 0) containers_.erase(id.get());
            else if(containers_.size() < limits_.max_names) {
                containers_[id.get()] = {id, told.reference};
            } else ++refused;
            ++epoch_;
        }
        step(e, out);
    }
    return true;
}

void Engine::step(Event &e, const state_out &out) {
    num_ = e.num;
    remove_pending(e);
    reset(e);
    apply(e);
    finish(e, out);
    if(!buried_.empty()) bury();
}

// Rules see a thread at its exit and a file at its close; they go before the next event.
void Engine::remove_pending(const Event &e) {
    if(exited_) {
        exited_ = false;
        const Thread *thread = find(exited_tid_);
        const int64_t ptid = thread ? thread->ptid : -1;
        note_exit(exited_tid_, ptid, e.time);
        remove_thread(exited_tid_);
    }
    if(closed_) {
        closed_ = false;
        if(Thread *thread = find(closed_tid_)) {
            if(FdTable *table = thread->fd_table()) table->erase(closed_fd_);
        }
    }
}

// Which thread and which file the event is about.
void Engine::reset(Event &e) {
    const uint32_t bits = e.type->bits;
    e.thread = nullptr;
    e.fd = FdRef();
    e.table = nullptr;
    if(bits & STATE_SKIP) {
        if(bits & STATE_PROCINFO) e.thread = find(e.tid);
        return;
    }
    if(bits & STATE_META) return;
    e.thread = bits & STATE_NO_QUERY ? find(e.tid) : get_thread(e.tid);
    Thread *thread = e.thread;
    if(!thread || e.type->action == STATE_SCHEDSWITCH) return;
    if(!(bits & STATE_NO_QUERY)) thread->flags |= CL_ACTIVE;

    if(bits & STATE_ENTER) {
        thread->last_fd = -1;
        thread->last_type = e.code;
        if(bits & STATE_USES_FD) {
            thread->last_fd = e.number_of(std::max<int>(e.type->fd_parameter, 0));
            find_fd(e, thread->last_fd);
        }
        return;
    }
    // A successful execveat ends as an execve.
    const bool after_execveat = e.type->action == STATE_EXECVE && e.type->argument == 1 &&
                                thread->last_type < types_.size() &&
                                types_[thread->last_type].action == STATE_STORE_ENTER &&
                                types_[thread->last_type].argument == 1;
    thread->entered_valid = e.code == thread->last_type + 1 || after_execveat;
    if(!thread->entered_valid) thread->last_fd = -1;
    if(!(bits & STATE_USES_FD)) return;
    if(thread->last_fd == -1 && e.type->fd_parameter >= 0 && e.has(e.type->fd_parameter)) {
        thread->last_fd = e.number_of(e.type->fd_parameter);
    }
    find_fd(e, thread->last_fd);
}

void Engine::apply(Event &e) {
    switch(e.type->action) {
    case STATE_STORE_ENTER: store_enter(e); break;
    case STATE_READ:
    case STATE_WRITE: traffic_exit(e); break;
    case STATE_OPEN:
    case STATE_CREAT:
    case STATE_OPENAT:
    case STATE_OPENAT2:
    case STATE_OPEN_BY_HANDLE: open_exit(e); break;
    case STATE_UNSHARE:
    case STATE_SETNS: namespace_exit(e); break;
    case STATE_MEMFD: memfd_exit(e); break;
    case STATE_CLONE: clone_exit(e); break;
    case STATE_PIDFD_OPEN:
    case STATE_PIDFD_GETFD: pidfd_exit(e); break;
    case STATE_EXECVE: execve_exit(e); break;
    case STATE_PROCEXIT: process_exit(e); break;
    case STATE_PIPE: pipe_exit(e); break;
    case STATE_SOCKET: socket_exit(e); break;
    case STATE_BIND: bind_exit(e); break;
    case STATE_CONNECT: connect_exit(e); break;
    case STATE_ACCEPT: accept_exit(e); break;
    case STATE_CLOSE: close_exit(e); break;
    case STATE_CLOSE_RANGE: close_range_exit(e); break;
    case STATE_FCNTL: fcntl_exit(e); break;
    case STATE_EVENTFD:
    case STATE_NEW_FD: new_fd_exit(e); break;
    case STATE_DUP: dup_exit(e); break;
    case STATE_RLIMIT: limit_exit(e); break;
    case STATE_PRLIMIT: prlimit_exit(e); break;
    case STATE_SOCKETPAIR: socketpair_exit(e); break;
    case STATE_SCHEDSWITCH:
    case STATE_MEMORY: memory_exit(e); break;
    case STATE_CHDIR:
    case STATE_FCHDIR:
    case STATE_SETUID:
    case STATE_SETGID:
    case STATE_CHROOT:
    case STATE_SETSID:
    case STATE_CAPSET:
    case STATE_PRCTL: identity_exit(e); break;
    case STATE_USER_ADDED:
    case STATE_USER_DELETED:
    case STATE_GROUP_ADDED:
    case STATE_GROUP_DELETED: names_event(e); break;
    default: break;
    }
}

void Engine::finish(Event &e, const state_out &out) {
    if(!dirty_.empty()) note_changes();
    Thread *thread = e.thread;
    uint8_t flags = 0;
    int32_t fd = -1;
    int64_t number = -1;
    if(e.fd) {
        flags |= STATE_OWN_FD;
        if(e.fd->name != e.old_name) flags |= STATE_NAME_CHANGED;
    }
    if(thread && (e.type->bits & STATE_FD_RELATED)) {
        number = thread->last_fd;
        FdState *state = e.fd.get();
        if(!state && number != -1) state = thread->get_fd(number);
        if(state) fd = row_of(state);
    }
    out.lineage[e.at] = thread ? lineage_of(thread) : -1;
    out.fd[e.at] = fd;
    out.fd_number[e.at] = number;
    out.flags[e.at] = flags;
    out.memory[e.at] = thread ? memory_of(thread) : -1;
    Thread *main = thread ? thread->main() : nullptr;
    out.fd_count[e.at] = main ? static_cast<int32_t>(main->fds.count()) : 0;
    const FdTable *table = thread ? thread->fd_table() : nullptr;
    out.fd_types[e.at] = table ? table->types() : 0;
    if(e.type->referring) references(e, number);
    if(thread && thread->entered && !(e.type->bits & STATE_ENTER)) {
        thread->entered.reset();
        thread->entered_valid = false;
    }
}

void Engine::find_fd(Event &e, int64_t fd) {
    e.fd = FdRef();
    e.table = nullptr;
    FdState *state = e.thread ? e.thread->get_fd(fd) : nullptr;
    if(!state) return;
    e.fd = FdRef(state);
    e.table = e.thread->fd_table();
    e.number = fd;
    e.old_name = state->name;
}

FdRef Engine::make_fd(Thread *thread, int64_t number, Fd &&state) {
    auto *made = new FdState;
    static_cast<Fd &>(*made) = std::move(state);
    made->serial = ++fd_serial_;
    made->from_num = num_;
    made->tid = thread->tid;
    made->number = number;
    made->live = &live_fds;
    ++live_fds;
    return FdRef(made);
}

// Puts a file into the thread's table; it becomes the file of the event.
void Engine::add_fd(Event &e, int64_t fd, Fd &&state, const TextRef &old_name) {
    e.fd = FdRef();
    e.table = nullptr;
    FdTable *table = e.thread->fd_table();
    if(!table) return;
    e.thread->last_fd = fd;
    FdRef made = make_fd(e.thread, fd, std::move(state));
    row_of(made.get());
    if(!table->set(fd, made, limits_.max_fds)) {
        ++refused;
        return;
    }
    e.fd = std::move(made);
    e.table = table;
    e.number = fd;
    e.old_name = old_name;
}

// The file of the event is from now on in this state.
void Engine::change_fd(Event &e, Fd &&state) {
    if(e.fd->same(state)) return;
    FdRef made = make_fd(e.thread, e.number, std::move(state));
    row_of(made.get());
    if(e.table) e.table->set(e.number, made, limits_.max_fds);
    e.fd = std::move(made);
}

void Engine::clear_tables() {
    ++batch_;
    thread_rows_.clear();
    node_rows_.clear();
    lineage_rows_.clear();
    fd_rows_.clear();
    user_rows_.clear();
    group_rows_.clear();
    memory_rows_.clear();
    reference_rows_.clear();
    locals.clear(batch_);
}

void Engine::columns(int table, std::vector<state_column> &to) const {
    switch(table) {
    case STATE_THREADS: thread_rows_.columns(to); break;
    case STATE_NODES: node_rows_.columns(to); break;
    case STATE_LINEAGES: lineage_rows_.columns(to); break;
    case STATE_FDS: fd_rows_.columns(to); break;
    case STATE_USERS: user_rows_.columns(to); break;
    case STATE_GROUPS: group_rows_.columns(to); break;
    case STATE_MEMORY_ROWS: memory_rows_.columns(to); break;
    case STATE_REFERENCES: reference_rows_.columns(to); break;
    default: break;
    }
}

}  // namespace state
