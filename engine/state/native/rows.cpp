// Where a thread, its ancestors, a file, a user stand in the tables of the batch.
#include <algorithm>

#include "engine.hpp"

namespace state {

void Engine::note_changes() {
    for(const Handle &handle : dirty_) {
        Thread *thread = handle.thread;
        if(!thread->dirty) continue;
        thread->dirty = false;
        thread->serial = ++thread_serial_;
        thread->from_num = num_;
        thread->row_batch = 0;
        row_of(thread);
    }
    dirty_.clear();
}

int32_t Engine::row_of(Thread *thread) {
    if(thread->row_batch != batch_) {
        thread->row_batch = batch_;
        thread->row = thread_rows_.add(*thread, locals);
    }
    return thread->row;
}

int32_t Engine::row_of(FdState *fd) {
    if(fd->batch == batch_) return fd->row;
    FdView view{*fd};
    const SocketInfo &s = fd->socket;
    const auto ip = [&](const void *address, size_t size) {
        return Code{locals.loose(address, size)};
    };
    switch(fd->type) {
    case FD_IPV4:
        view.source_ip = ip(&s.v4.sip, 4);
        view.dest_ip = ip(&s.v4.dip, 4);
        view.source_port = s.v4.sport;
        view.dest_port = s.v4.dport;
        view.source_local = local_v4(s.v4.sip);
        view.dest_local = local_v4(s.v4.dip);
        break;
    case FD_IPV6:
        view.source_ip = ip(s.v6.sip, 16);
        view.dest_ip = ip(s.v6.dip, 16);
        view.source_port = s.v6.sport;
        view.dest_port = s.v6.dport;
        view.source_local = local_v6(s.v6.sip);
        view.dest_local = local_v6(s.v6.dip);
        break;
    case FD_IPV4_SERVER:
        view.dest_ip = ip(&s.v4_server.ip, 4);
        view.dest_port = s.v4_server.port;
        view.dest_local = true;
        break;
    case FD_IPV6_SERVER:
        view.dest_ip = ip(s.v6_server.ip, 16);
        view.dest_port = s.v6_server.port;
        view.dest_local = true;
        break;
    case FD_UNIX:
        view.source = s.unix_.source;
        view.destination = s.unix_.destination;
        break;
    default: break;
    }
    fd->batch = batch_;
    fd->row = fd_rows_.add(view, locals);
    return fd->row;
}

int32_t Engine::row_of(Name *name, bool user) {
    if(!name) return -1;
    if(name->batch != batch_) {
        name->batch = batch_;
        name->row = user ? user_rows_.add(*name, locals) : group_rows_.add(*name, locals);
    }
    return name->row;
}

int32_t Engine::memory_of(Thread *thread) {
    if(thread->memory_batch != batch_ || !(thread->told == thread->memory)) {
        thread->memory_batch = batch_;
        thread->told = thread->memory;
        thread->memory_row = memory_rows_.add(thread->memory, locals);
    }
    return thread->memory_row;
}

// A thread with its parent and its main thread, as they are now. Nodes are made anew only when some
// thread has changed, and stand in the table anew only when they differ from the last.
int32_t Engine::node_of(Thread *thread, uint32_t depth) {
    if(thread->node_batch == batch_ && thread->node_epoch == epoch_) return thread->node_row;
    if(thread->in_progress) {
        // Parents in a circle: the row is taken before it can be filled.
        if(thread->taken_row < 0) thread->taken_row = node_rows_.add({}, locals);
        return thread->taken_row;
    }
    if(depth > limits_.max_depth) return -1;
    thread->in_progress = true;
    thread->taken_row = -1;
    Node node;
    node.thread = row_of(thread);
    Thread *main = thread->main(), *parent = find(thread->ptid);
    const bool own_main = main == thread, own_parent = parent == thread;
    if(main && !own_main) node.main = node_of(main, depth + 1);
    if(parent && !own_parent) node.parent = node_of(parent, depth + 1);
    thread->in_progress = false;
    // What points to itself does so by the number of its row, the last one if that is still true.
    const auto with_own = [&](int32_t row) {
        Node whole = node;
        if(own_main) whole.main = row;
        if(own_parent) whole.parent = row;
        return whole;
    };
    if(thread->taken_row >= 0) {
        thread->node_row = thread->taken_row;
        thread->node = with_own(thread->node_row);
        node_rows_.put(thread->node_row, thread->node);
    } else if(thread->node_batch != batch_ || !(thread->node == with_own(thread->node_row))) {
        thread->node = with_own(node_rows_.rows);
        thread->node_row = node_rows_.add(thread->node, locals);
    }
    thread->node_batch = batch_;
    thread->node_epoch = epoch_;
    return thread->node_row;
}

// The thread that leads the thread's session or process group: by number, or, where numbers are of
// another namespace, the farthest of the nearest ancestors that say the same number.
Thread *Engine::leader_of(Thread *thread, int64_t Thread::*id, bool is_virtual) {
    const int64_t wanted = thread->*id;
    if(wanted == -1) return nullptr;
    if(!is_virtual || !thread->in_pid_namespace()) {
        if(Thread *leader = find(wanted)) return leader;
    }
    Thread *leader = nullptr;
    Thread *at = find(thread->ptid);
    for(uint32_t depth = 0; at && at->tid != -1 && depth < limits_.max_depth; ++depth) {
        if(at->*id != wanted) break;
        leader = at;
        if(at->ptid == at->tid) break;
        at = find(at->ptid);
    }
    return leader;
}

int32_t Engine::lineage_of(Thread *thread) {
    const FdTable *fds = thread->fd_table();
    const uint64_t stdio = fds ? fds->stdio() : 0;
    if(thread->lineage_batch == batch_ && thread->lineage_epoch == epoch_ &&
       thread->lineage_fds == fds && thread->lineage_stdio == stdio) {
        return thread->lineage_row;
    }
    Lineage to;
    to.node = node_of(thread, 0);
    const auto row = [&](Thread *leader) { return leader ? row_of(leader) : -1; };
    // The casts name members of the base Identity as members of Thread.
    to.sid_leader = row(leader_of(thread, static_cast<int64_t Thread::*>(&Thread::sid), true));
    to.vpgid_leader = row(leader_of(thread, static_cast<int64_t Thread::*>(&Thread::vpgid), true));
    to.pgid_leader = row(leader_of(thread, static_cast<int64_t Thread::*>(&Thread::pgid), false));
    if(fds) {
        const auto file = [&](int64_t fd) {
            FdState *state = fds->find(fd);
            return state ? row_of(state) : -1;
        };
        to.std_in = file(0);
        to.std_out = file(1);
        to.std_err = file(2);
    }
    to.user = row_of(name_of(true, thread->container_id, thread->uid), true);
    to.login_user = row_of(name_of(true, thread->container_id, thread->loginuid), true);
    to.group = row_of(name_of(false, thread->container_id, thread->gid), false);
    if(const auto known = containers_.find(thread->container_id.get());
       known != containers_.end()) {
        to.container = known->second.reference;
    }
    if(thread->group) {
        to.threads = static_cast<int64_t>(thread->group->alive);
        const Thread *main = thread->main();
        to.other_threads = to.threads - (main && !main->dead() ? 1 : 0);
    }
    if(thread->lineage_batch != batch_ || !(thread->lineage == to)) {
        thread->lineage = to;
        thread->lineage_row = lineage_rows_.add(to, locals);
        thread->lineage_batch = batch_;
    }
    thread->lineage_epoch = epoch_;
    thread->lineage_fds = fds;
    thread->lineage_stdio = stdio;
    return thread->lineage_row;
}

// What parameters refer to, other than the file of the event itself.
void Engine::references(const Event &e, int64_t fd_number) {
    const state_parameter *parameters = &parameters_[e.type->first];
    for(uint32_t left = e.type->referring; left; left &= left - 1) {
        const auto i = static_cast<uint8_t>(__builtin_ctz(left));
        if(!e.has(i)) continue;
        const uint8_t refers = parameters[i].refers;
        if(!e.thread && refers != STATE_TO_THREAD) continue;
        const auto refer = [&](int32_t item, int32_t to) {
            if(to >= 0) {
                reference_rows_.add({static_cast<int32_t>(e.at), i, item, to}, locals);
            }
        };
        const auto file = [&](int32_t item, int64_t fd) {
            FdState *state = e.thread->get_fd(fd);
            refer(item, state ? row_of(state) : -1);
        };
        const int64_t value = e.number_of(i);
        switch(refers) {
        case STATE_TO_FD:
            if(value >= 0 && value != fd_number) file(0, value);
            break;
        case STATE_TO_FDS: e.child->columns[i].each_fd(e.row, file); break;
        case STATE_TO_THREAD: {
            Thread *thread = find(value);
            refer(0, thread ? row_of(thread) : -1);
            break;
        }
        default: {
            const bool user = refers == STATE_TO_USER;
            refer(0, row_of(name_of(user, e.thread->container_id, static_cast<uint32_t>(value)),
                            user));
        }
        }
    }
}

bool Engine::local_v4(uint32_t ip) const {
    return std::any_of(interfaces4_.begin(), interfaces4_.end(),
                       [&](const Interface4 &at) { return at.address == ip; });
}

bool Engine::local_v6(const uint8_t *ip) const {
    return std::any_of(interfaces6_.begin(), interfaces6_.end(), [&](const Interface6 &at) {
        return std::equal(ip, ip + 8, at.address.begin());
    });
}

Name *Engine::name_of(bool user, const TextRef &container, uint32_t id) {
    Names &names = user ? users_ : user_groups_;
    const auto known = names.find({container.get(), id});
    return known == names.end() ? nullptr : &known->second;
}

void Engine::set_name(bool user, std::string_view container, uint32_t id, uint32_t gid,
                      std::string_view name, std::string_view home, std::string_view shell,
                      bool replace) {
    // Entries of NIS say nothing of their own.
    if(!name.empty() && (name[0] == '+' || name[0] == '-')) return;
    Names &names = user ? users_ : user_groups_;
    const TextRef holder = texts.hold(container);
    if(Name *known = name_of(user, holder, id)) {
        if(!replace) return;
        known->name = texts.hold(name);
        known->home = texts.hold(home);
        known->shell = texts.hold(shell);
        known->batch = 0;
        ++epoch_;
        return;
    }
    // libsinsp asks the container itself for its users, which a capture cannot answer.
    if(!container.empty()) return;
    if(names.size() >= limits_.max_names) {
        ++refused;
        return;
    }
    names[{holder.get(), id}] = {holder, texts.hold(name), texts.hold(home), texts.hold(shell),
                                 id, gid, 0, -1};
    ++epoch_;
}

void Engine::drop_name(bool user, std::string_view container, uint32_t id) {
    Names &names = user ? users_ : user_groups_;
    if(names.erase({texts.hold(container).get(), id})) ++epoch_;
}

}  // namespace state
