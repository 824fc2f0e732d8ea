// What a thread may and where it is: directories, users, limits, namespaces, memory.
#include "engine.hpp"

namespace state {

void Engine::memory_exit(Event &e) {
    Thread *thread = e.thread;
    if(!thread) return;
    if(e.type->action == STATE_SCHEDSWITCH) {
        if(!e.has(5)) return;
        thread->memory.major = static_cast<uint64_t>(e.number_of(1));
        thread->memory.minor = static_cast<uint64_t>(e.number_of(2));
        if(Thread *main = thread->main()) {
            main->memory.size_kb = static_cast<uint32_t>(e.number_of(3));
            main->memory.rss_kb = static_cast<uint32_t>(e.number_of(4));
            main->memory.swap_kb = static_cast<uint32_t>(e.number_of(5));
        }
        return;
    }
    if(e.has(1)) thread->memory.size_kb = static_cast<uint32_t>(e.number_of(1));
    if(e.has(3)) {
        thread->memory.rss_kb = static_cast<uint32_t>(e.number_of(2));
        thread->memory.swap_kb = static_cast<uint32_t>(e.number_of(3));
    }
}

// getrlimit and setrlimit of open files.
void Engine::limit_exit(Event &e) {
    if(!e.thread || !e.succeeded() || e.number_of(3) != RLIMIT_NOFILE_) return;
    const int64_t limit = e.number_of(1);
    Thread *main = e.thread->main();
    if(limit != -1 && main) set(main, main->fd_limit, limit);
}

void Engine::prlimit_exit(Event &e) {
    if(!e.returned() || e.result() != 0 || !e.has(6) || e.number_of(6) != RLIMIT_NOFILE_) return;
    const int64_t limit = e.number_of(1);
    if(limit == -1 || !e.has(5)) return;
    const int64_t tid = e.number_of(5) == 0 ? e.tid : e.number_of(5);
    Thread *thread = get_thread(tid);
    if(!thread || thread->invalid()) return;
    if(Thread *main = thread->main()) set(main, main->fd_limit, limit);
}

void Engine::identity_exit(Event &e) {
    Thread *thread = e.thread;
    if(!thread || !e.returned()) return;
    const int64_t result = e.result();
    // For users and groups the parameter with the effective one.
    const auto option = static_cast<size_t>(e.type->option < 0 ? 0 : e.type->option);
    switch(e.type->action) {
    case STATE_CHDIR:
        if(result >= 0) update_cwd(thread, e.text(1));
        break;
    case STATE_FCHDIR:
        if(result >= 0 && e.fd) update_cwd(thread, e.fd->name.view());
        break;
    case STATE_SETUID:
        if(result == 0 && e.has(option)) {
            set(thread, thread->uid, static_cast<uint32_t>(e.number_of(option)));
        }
        break;
    case STATE_SETGID:
        if(result == 0 && e.has(option)) {
            set(thread, thread->gid, static_cast<uint32_t>(e.number_of(option)));
        }
        break;
    case STATE_CHROOT:
        if(result == 0) {
            const auto path = e.text(1);
            const bool relative = !path.empty() && path[0] != '/' && path != "<NA>";
            set(thread, thread->root,
                texts.hold(relative ? join_paths(thread->get_cwd(), path) : std::string(path)));
        }
        if(result >= 0) attach_container(thread);
        break;
    case STATE_SETSID:
        if(result >= 0) set(thread, thread->sid, result);
        break;
    case STATE_CAPSET:
        if(result >= 0) {
            set(thread, thread->cap_inheritable, static_cast<uint64_t>(e.number_of(1)));
            set(thread, thread->cap_permitted, static_cast<uint64_t>(e.number_of(2)));
            set(thread, thread->cap_effective, static_cast<uint64_t>(e.number_of(3)));
        }
        break;
    case STATE_PRCTL: {
        if(result < 0 || thread->invalid() || !thread->group) break;
        const auto request = static_cast<uint32_t>(e.number_of(1));
        if(request == PR_SET_SUBREAPER || request == PR_GET_SUBREAPER) {
            thread->group->reaper = e.number_of(3) != 0;
        }
        break;
    }
    default: break;
    }
}

// A new user namespace gives every capability.
void Engine::namespace_exit(Event &e) {
    Thread *thread = e.thread;
    if(!thread || !e.succeeded()) return;
    const auto flags = static_cast<uint32_t>(e.number_of(e.type->action == STATE_UNSHARE ? 1 : 2));
    if(!(flags & CL_NEWUSER)) return;
    set(thread, thread->cap_inheritable, ALL_CAPABILITIES);
    set(thread, thread->cap_permitted, ALL_CAPABILITIES);
    set(thread, thread->cap_effective, ALL_CAPABILITIES);
}

void Engine::names_event(Event &e) {
    const auto id = static_cast<uint32_t>(e.number_of(0));
    // Those that open a section are read before its list of users, which then has the last word.
    constexpr uint32_t INITIAL = 0x40000000;
    const bool replace = !(e.flags & INITIAL);
    switch(e.type->action) {
    case STATE_USER_ADDED:
        set_name(true, e.text(5), id, static_cast<uint32_t>(e.number_of(1)), e.text(2), e.text(3),
                 e.text(4), replace);
        break;
    case STATE_USER_DELETED: drop_name(true, e.text(5), id); break;
    case STATE_GROUP_ADDED: set_name(false, e.text(2), id, 0, e.text(1), {}, {}, replace); break;
    case STATE_GROUP_DELETED: drop_name(false, e.text(2), id); break;
    default: break;
    }
}

}  // namespace state
