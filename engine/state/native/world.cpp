// Threads, thread groups, parents and reapers: libsinsp's thread_manager.cpp.
#include "engine.hpp"

namespace state {

namespace {

constexpr size_t REMEMBERED = 4096;  // answers about cgroups

int64_t exit_key(int64_t tid, int64_t ptid) {
    return static_cast<int64_t>((static_cast<uint64_t>(ptid) << 32) | (tid & 0xffffffff));
}

}  // namespace

Thread *Engine::find(int64_t tid) {
    Thread **known = threads_.find(tid);
    return known ? *known : nullptr;
}

// A thread nobody has told of becomes an entry with no more than its number.
Thread *Engine::get_thread(int64_t tid) {
    if(Thread *known = find(tid)) return known;
    if(threads_.size() >= limits_.max_threads) {
        ++refused;
        return nullptr;
    }
    Thread *made = new_thread();
    made->tid = tid;
    made->comm = made->exe = na_;
    return add_thread(made);
}

Thread *Engine::new_thread() {
    if(free_.empty()) {
        pool_.push_back(new Thread(seed_));
        return pool_.back();
    }
    Thread *thread = free_.back();
    free_.pop_back();
    return thread;
}

// Takes the thread in, with its group and its parent. Null, and the thread gone, when the table is
// full.
Thread *Engine::add_thread(Thread *thread) {
    if(threads_.size() >= limits_.max_threads) {
        ++refused;
        retire(thread);
        return nullptr;
    }
    join_group(thread);
    Thread *&slot = threads_.at(thread->tid);
    if(slot && slot != thread) retire(slot);
    slot = thread;
    touch(thread);
    return thread;
}

void Engine::join_group(Thread *thread) {
    if(thread->invalid() || thread->group) return;
    std::shared_ptr<Group> &group = groups_.at(thread->pid);
    if(!group) {
        group = std::make_shared<Group>();
        group->pid = thread->pid;
        group->reaper = thread->pid == 1 || thread->vpid == 1;
        group->threads.push_front(thread->handle());
    } else {
        if(thread->is_main()) group->threads.push_front(thread->handle());
        else group->threads.push_back(thread->handle());
        ++group->alive;
    }
    thread->group = group;
    ++epoch_;
    if(thread->pid == 1) return;
    Thread *parent = find(thread->ptid);
    if(!parent || parent->invalid()) {
        set(thread, thread->ptid, int64_t{0});
        return;
    }
    add_child(parent, thread);
}

void Engine::add_child(Thread *parent, Thread *child) {
    parent->children.push_front(child->handle());
    ++parent->live_children;
    set(child, child->ptid, parent->tid);
}

// A thread with this parent has gone; many gone ones are swept out together.
void Engine::child_gone(int64_t ptid) {
    Thread *parent = find(ptid);
    if(!parent) return;
    --parent->live_children;
    const int64_t gone = static_cast<int64_t>(parent->children.size()) - parent->live_children;
    if(gone >= 10 && gone >= static_cast<int64_t>(parent->children.size()) / 8) {
        parent->children.remove_if([](const Handle &child) { return !child.get(); });
        // However it came about, the count must not ask for another sweep at once.
        parent->live_children = static_cast<int64_t>(parent->children.size());
    }
}

// As the kernel chooses: a living thread of the same process, then the nearest ancestor that made
// itself a reaper or is the first of its namespace.
Thread *Engine::find_reaper(Thread *thread) {
    const auto living = [&](const Group &group, const Thread *except) -> Thread * {
        for(const Handle &handle : group.threads) {
            Thread *other = handle.get();
            if(other && other != except && !other->dead()) return other;
        }
        return nullptr;
    };
    if(thread->group && thread->group->alive > 0) {
        if(Thread *other = living(*thread->group, thread)) return other;
    }
    Thread *ancestor = find(thread->ptid);
    for(uint32_t depth = 0; ancestor && ancestor != thread && depth < limits_.max_depth; ++depth) {
        if(ancestor->in_pid_namespace() != thread->in_pid_namespace()) break;
        if(ancestor->group && ancestor->group->reaper && ancestor->group->alive > 0) {
            if(Thread *other = living(*ancestor->group, nullptr)) return other;
        }
        Thread *next = find(ancestor->ptid);
        if(next == ancestor) break;
        ancestor = next;
    }
    return nullptr;
}

void Engine::reparent(Thread *thread, Thread *reaper) {
    if(reaper == thread) reaper = nullptr;
    while(!thread->children.empty()) {
        Thread *child = thread->children.front().get();
        thread->children.pop_front();
        if(!child) continue;
        if(reaper) add_child(reaper, child);
        else set(child, child->ptid, int64_t{0});
    }
    thread->live_children = 0;
}

void Engine::remove_thread(int64_t tid) {
    Thread *thread = find(tid);
    if(!thread) return;
    ++epoch_;
    if(thread->invalid() || !thread->group) {
        child_gone(thread->ptid);
        threads_.erase(tid);
        retire(thread);
        return;
    }
    if(!thread->dead()) {
        thread->group->lost_one();
        thread->flags |= CL_CLOSED;
        touch(thread);
    }
    if(!thread->children.empty()) {
        Thread *reaper = thread->reaper_tid > 0 ? get_thread(thread->reaper_tid) : nullptr;
        if(!reaper || reaper->invalid()) reaper = find_reaper(thread);
        if(reaper) {
            thread->reaper_tid = reaper->tid;
            if(reaper->pid != thread->pid && reaper->group) reaper->group->reaper = true;
        }
        reparent(thread, reaper);
    }
    // The main thread stays as long as its process has others, for their files and directory.
    Thread *main = nullptr;
    if(thread->group->alive == 0) {
        child_gone(thread->ptid);
        groups_.erase(thread->pid);
        main = find(thread->pid);
        threads_.erase(thread->pid);
    }
    if(!thread->is_main()) {
        child_gone(thread->ptid);
        threads_.erase(tid);
        retire(thread);
    }
    if(main) retire(main);
}

// Out of the table, but kept until the event is done: something may still point to it.
void Engine::retire(Thread *thread) {
    ++thread->turn;
    buried_.push_back(thread);
}

void Engine::bury() {
    for(Thread *thread : buried_) {
        const uint32_t turn = thread->turn;
        *thread = Thread(seed_);
        thread->turn = turn;
        free_.push_back(thread);
    }
    buried_.clear();
}

void Engine::note_exit(int64_t tid, int64_t ptid, uint64_t time) {
    Exited &slot = recent_[recent_at_];
    const size_t *told = recent_of_.find(slot.key);
    if(told && *told == recent_at_) recent_of_.erase(slot.key);
    slot = {exit_key(tid, ptid), time};
    recent_of_.at(slot.key) = recent_at_;
    recent_at_ = (recent_at_ + 1) % recent_.size();
}

bool Engine::recently_exited(int64_t tid, int64_t ptid, uint64_t time) const {
    const size_t *told = recent_of_.find(exit_key(tid, ptid));
    if(!told) return false;
    const Exited &exited = recent_[*told];
    return time >= exited.time && time - exited.time < CLONE_STALE_NS;
}

void Engine::update_cwd(Thread *thread, std::string_view cwd) {
    Thread *main = thread->main();
    if(!main) return;
    // From the thread's own directory, which is empty unless it is the main thread.
    std::string joined = join_paths(thread->cwd.view(), cwd);
    if(joined.empty() || joined.back() != '/') joined += '/';
    set(main, main->cwd, texts.hold(joined));
}

void Engine::set_exepath(Thread *thread, std::string_view path) {
    constexpr std::string_view suffix = " (deleted)";
    if(path.size() > suffix.size() && path.substr(path.size() - suffix.size()) == suffix) {
        path.remove_suffix(suffix.size());
    }
    set(thread, thread->exepath, texts.hold(path));
}

void Engine::set_cgroups(Thread *thread, std::string_view cgroups) {
    const TextRef told = texts.hold(cgroups);
    auto known = cgroups_.find(told.get());
    if(known == cgroups_.end()) {
        if(cgroups_.size() >= REMEMBERED) cgroups_.clear();
        std::string normal;
        const bool good = normal_cgroups(cgroups, normal);
        known = cgroups_.insert({told.get(), {told, good ? texts.hold(normal) : na_}}).first;
    }
    // Those that cannot be read change nothing.
    if(known->second.second != na_) set(thread, thread->cgroups, known->second.second);
}

void Engine::attach_container(Thread *thread) {
    if(!limits_.containers) return;
    auto known = belonging_.find(thread->cgroups.get());
    if(known == belonging_.end()) {
        if(belonging_.size() >= REMEMBERED) belonging_.clear();
        Runtime runtime;
        const TextRef id = texts.hold(container_of(thread->cgroups.view(), runtime));
        known = belonging_.insert({thread->cgroups.get(), {thread->cgroups, id, runtime}}).first;
    }
    const Belonging &to = known->second;
    set(thread, thread->container_id, to.id);
    if(to.runtime == RUNTIME_NONE) return;
    // The name alone makes these known.
    const auto at = containers_.find(to.id.get());
    if(at != containers_.end() && at->second.reference == to.runtime) return;
    if(at == containers_.end() && containers_.size() >= limits_.max_names) {
        ++refused;
        return;
    }
    containers_[to.id.get()] = {to.id, to.runtime};
    ++epoch_;
}

}  // namespace state
