// Clone, exec, exit: libsinsp's parsers of the same names.
#include "engine.hpp"

namespace state {

namespace {

// Parameters of the clone and execve exit events of today.
enum : size_t {
    P_EXE = 1, P_ARGS, P_TID, P_PID, P_PTID, P_CWD, P_FDLIMIT, P_MAJOR, P_MINOR, P_VM_SIZE,
    P_VM_RSS, P_VM_SWAP, P_COMM, P_CGROUPS,
    C_FLAGS, C_UID, C_GID, C_VTID, C_VPID, C_PIDNS_START,
    X_ENV = 15, X_TTY, X_VPGID, X_LOGINUID, X_FLAGS, X_CAP_INHERITABLE, X_CAP_PERMITTED,
    X_CAP_EFFECTIVE, X_INO, X_INO_CTIME, X_INO_MTIME, X_UID, X_EXEPATH, X_PGID, X_GID
};

// NUL-separated texts without the last NUL.
std::string_view list_of(std::string_view texts) {
    if(!texts.empty() && texts.back() == '\0') texts.remove_suffix(1);
    return texts;
}

}  // namespace

void Engine::clone_exit(Event &e) {
    if(!e.succeeded()) return;
    // The number of the child is of its parent's namespace: of use only outside of any.
    if(e.result() == 0) clone_in_child(e);
    else clone_in_caller(e, e.result());
    if(Thread *thread = find(e.tid)) attach_container(thread);
}

// What the event says about a child, whoever returned from the clone.
void Engine::describe_child(Event &e, Thread *child) {
    child->fd_limit = e.number_of(P_FDLIMIT);
    if(e.has(P_VM_SWAP)) {
        child->memory = {static_cast<uint32_t>(e.number_of(P_VM_SIZE)),
                         static_cast<uint32_t>(e.number_of(P_VM_RSS)),
                         static_cast<uint32_t>(e.number_of(P_VM_SWAP)),
                         static_cast<uint64_t>(e.number_of(P_MAJOR)),
                         static_cast<uint64_t>(e.number_of(P_MINOR))};
    }
    child->uid = static_cast<uint32_t>(e.number_of(C_UID));
    child->gid = static_cast<uint32_t>(e.number_of(C_GID));
    if(e.has(P_CGROUPS)) set_cgroups(child, e.bytes(P_CGROUPS));
    child->clone_ts = e.time;
    child->exe = texts.hold(e.text(P_EXE));
    child->comm = e.has(P_COMM) ? texts.hold(e.text(P_COMM)) : child->exe;
    child->args = texts.hold(list_of(e.bytes(P_ARGS)));
}

void Engine::inherit(Thread *child, Thread *from, bool leader) {
    static_cast<Identity &>(*child) = *from;
    if(!leader) return;
    if(const FdTable *fds = from->fd_table()) child->fds.copy(*fds);
    child->cwd = texts.hold(from->get_cwd());
    child->env = from->env;
}

// The clone returned in the parent: the child is made here, unless that must be left to the child.
void Engine::clone_in_caller(Event &e, int64_t child_tid) {
    Thread *caller = get_thread(e.tid);
    if(!caller) {
        e.thread = nullptr;
        return;
    }
    const bool valid = !caller->invalid();
    if(!valid) {
        set(caller, caller->pid, e.number_of(P_PID));
        set(caller, caller->ptid, e.number_of(P_PTID));
        const bool has_virtual = e.has(C_VPID);
        set(caller, caller->vtid, has_virtual ? e.number_of(C_VTID) : e.tid);
        set(caller, caller->vpid, has_virtual ? e.number_of(C_VPID) : -1);
        join_group(caller);
    }
    e.thread = caller;

    const auto flags = static_cast<uint32_t>(e.number_of(C_FLAGS));
    // In a namespace the number of the child is not ours; with vfork the child may be gone already.
    if(flags & (CL_IN_PIDNS | CL_NEWPID | CL_PARENT) || e.tid != caller->vtid) return;
    if(flags & CL_VFORK || e.type->argument == 1) return;
    if(recently_exited(child_tid, e.tid, e.time)) return;

    bool collision = false;
    if(Thread *known = find(child_tid)) {
        if(known->flags & CL_INVERTED) return;
        remove_thread(child_tid);
        collision = true;
    }

    Thread *child = new_thread();
    child->flags = flags;
    child->tid = child_tid;
    const bool leader = !(flags & CL_THREAD);
    if(valid) inherit(child, caller, leader);
    if(leader) {
        child->pid = child_tid;
        child->ptid = caller->tid;
    } else {
        child->pid = caller->pid;
        child->ptid = caller->ptid;
        child->flags |= CL_FILES;
    }
    child->vtid = child->tid;
    child->vpid = child->pid;
    describe_child(e, child);
    child->pidns_init_start_ts = boot_ts_;
    if(!valid) {
        set(caller, caller->exe, child->exe);
        set(caller, caller->comm, child->comm);
        set(caller, caller->args, child->args);
    }
    add_thread(child);
    if(collision) reset(e);
}

// The clone returned in the child: made here when the parent has not yet, or could not.
void Engine::clone_in_child(Event &e) {
    bool collision = false;
    if(e.thread && e.thread->clone_ts != 0) {
        if(e.time - e.thread->clone_ts < CLONE_STALE_NS) return;
        remove_thread(e.tid);
        collision = true;
        e.thread = nullptr;
    }

    Thread *child = new_thread();
    child->tid = e.tid;
    child->pid = e.number_of(P_PID);
    child->ptid = e.number_of(P_PTID);
    const bool has_virtual = e.has(C_VPID);
    child->vtid = has_virtual ? e.number_of(C_VTID) : child->tid;
    child->vpid = has_virtual ? e.number_of(C_VPID) : -1;
    child->flags = static_cast<uint32_t>(e.number_of(C_FLAGS)) | CL_INVERTED;
    const bool leader = !(child->flags & CL_THREAD);
    if(!leader) child->flags |= CL_FILES;

    // A process takes after its parent, a thread after the main thread.
    Thread *model = get_thread(leader ? child->ptid : child->pid);
    if(!model) {
        retire(child);
        e.thread = nullptr;
        return;
    }
    const bool valid = !model->invalid();
    if(!valid && !leader) {
        set(model, model->pid, child->pid);
        set(model, model->ptid, child->ptid);
        set(model, model->vpid, child->vpid);
        set(model, model->vtid, model->vpid);
        join_group(model);
    }
    if(valid) inherit(child, model, leader);
    describe_child(e, child);
    if(!valid && !leader) {
        set(model, model->exe, child->exe);
        set(model, model->comm, child->comm);
        set(model, model->args, child->args);
    }
    if(child->flags & (CL_IN_PIDNS | CL_NEWPID) || child->tid != child->vtid) {
        if(e.has(C_PIDNS_START)) {
            child->pidns_init_start_ts =
                static_cast<uint64_t>(e.number_of(C_PIDNS_START)) + boot_ts_;
        }
    } else {
        child->pidns_init_start_ts = boot_ts_;
    }
    e.thread = add_thread(child);
    if(e.thread && collision) reset(e);
}

void Engine::execve_exit(Event &e) {
    if(!e.succeeded() || !e.thread) return;
    Thread *thread = e.thread;
    // A thread that calls execve takes the main thread's number, whose exit may have been seen.
    if(thread->dead()) {
        set(thread, thread->flags, thread->flags & ~CL_CLOSED);
        if(thread->group) ++thread->group->alive;
    }
    touch(thread);
    thread->exe = texts.hold(e.text(P_EXE));
    thread->comm = e.has(P_COMM) ? texts.hold(e.text(P_COMM)) : thread->exe;
    thread->args = texts.hold(list_of(e.bytes(P_ARGS)));
    thread->pid = e.number_of(P_PID);
    if(thread->invalid()) {
        thread->ptid = e.number_of(P_PTID);
        if(!(thread->flags & CL_IN_PIDNS)) {
            thread->vtid = thread->tid;
            thread->vpid = thread->pid;
        }
        join_group(thread);
    }
    thread->fd_limit = e.number_of(P_FDLIMIT);
    if(e.has(P_VM_SWAP)) {
        thread->memory = {static_cast<uint32_t>(e.number_of(P_VM_SIZE)),
                          static_cast<uint32_t>(e.number_of(P_VM_RSS)),
                          static_cast<uint32_t>(e.number_of(P_VM_SWAP)),
                          static_cast<uint64_t>(e.number_of(P_MAJOR)),
                          static_cast<uint64_t>(e.number_of(P_MINOR))};
    }
    if(e.has(X_ENV)) thread->env = texts.hold(list_of(e.bytes(X_ENV)));
    if(e.has(P_CGROUPS)) set_cgroups(thread, e.bytes(P_CGROUPS));
    if(e.has(X_TTY)) thread->tty = static_cast<uint32_t>(e.number_of(X_TTY));
    if(e.has(X_EXEPATH)) set_exepath(thread, e.text(X_EXEPATH));
    else old_exepath(e);
    if(e.has(X_VPGID)) thread->vpgid = e.number_of(X_VPGID);
    if(e.has(X_LOGINUID)) thread->loginuid = static_cast<uint32_t>(e.number_of(X_LOGINUID));
    if(e.has(X_FLAGS)) {
        const auto flags = static_cast<uint32_t>(e.number_of(X_FLAGS));
        thread->exe_writable = flags & EXE_WRITABLE;
        thread->exe_upper = flags & EXE_UPPER_LAYER;
        thread->exe_memfd = flags & EXE_FROM_MEMFD;
        thread->exe_lower = flags & EXE_LOWER_LAYER;
    }
    if(e.has(X_CAP_EFFECTIVE)) {
        thread->cap_inheritable = static_cast<uint64_t>(e.number_of(X_CAP_INHERITABLE));
        thread->cap_permitted = static_cast<uint64_t>(e.number_of(X_CAP_PERMITTED));
        thread->cap_effective = static_cast<uint64_t>(e.number_of(X_CAP_EFFECTIVE));
    }
    if(e.has(X_INO_MTIME)) {
        thread->exe_ino = static_cast<uint64_t>(e.number_of(X_INO));
        thread->exe_ino_ctime = static_cast<uint64_t>(e.number_of(X_INO_CTIME));
        thread->exe_ino_mtime = static_cast<uint64_t>(e.number_of(X_INO_MTIME));
        if(thread->clone_ts) thread->ctime_to_clone = thread->clone_ts - thread->exe_ino_ctime;
        if(thread->pidns_init_start_ts && thread->exe_ino_ctime > thread->pidns_init_start_ts) {
            thread->ctime_to_pidns = thread->exe_ino_ctime - thread->pidns_init_start_ts;
        }
    }
    if(e.has(X_UID)) thread->uid = static_cast<uint32_t>(e.number_of(X_UID));
    thread->pgid = e.has(X_PGID) ? e.number_of(X_PGID) : -1;
    if(e.has(X_GID)) thread->gid = static_cast<uint32_t>(e.number_of(X_GID));

    if(FdTable *fds = thread->fd_table()) {
        std::vector<int64_t> closed;
        fds->each([&](int64_t fd, const FdState &state) {
            if(state.close_on_exec()) closed.push_back(fd);
            return true;
        });
        for(int64_t fd : closed) fds->erase(fd);
    }
    thread->flags = CL_ACTIVE | CL_NAME_CHANGED |
                    (thread->flags & (CL_PIPE_SRC | CL_PIPE_DST | CL_MAIN_THREAD | CL_INVERTED));
    // The other threads of the process end with the old program.
    if(thread->group && thread->group->alive > 1) {
        std::vector<int64_t> others;
        for(const Handle &handle : thread->group->threads) {
            Thread *other = handle.get();
            if(other && !other->is_main() && other != thread) others.push_back(other->tid);
        }
        for(int64_t other : others) remove_thread(other);
    }
    attach_container(thread);
}

// Before drivers told the path of the program, it was put together from the enter event.
void Engine::old_exepath(Event &e) {
    const Entered *entered = this->entered(e);
    if(!entered) return;
    const std::string_view path = entered->has_text ? entered->text.view() : "<NA>";
    std::string full;
    if(types_[entered->code].argument != 1) {
        full = path == "<NA>" ? "<NA>" : join_paths(e.thread->get_cwd(), path);
    } else {
        const std::string directory = directory_of(e, path, entered->directory);
        if(directory != "." && directory != "<UNKNOWN>") find_fd(e, entered->directory);
        const bool of_directory = entered->flags & AT_EMPTY_PATH_;
        if((!of_directory && path == "<NA>") || directory == "<UNKNOWN>") full = "<NA>";
        else if(of_directory) full = join_paths("", directory);
        else full = join_paths(directory, path);
    }
    set_exepath(e.thread, full);
}

void Engine::process_exit(Event &e) {
    Thread *thread = e.thread;
    if(!thread) return;
    if(!thread->dead()) {
        if(thread->group) thread->group->lost_one();
        thread->flags |= CL_CLOSED;
        touch(thread);
    }
    exited_ = true;
    exited_tid_ = e.tid;
    if(!thread->children.empty() && e.has(4)) thread->reaper_tid = e.number_of(4);
}

}  // namespace state
