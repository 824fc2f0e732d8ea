// Threads, thread groups, parents and reapers: libsinsp's thread_manager.cpp.
#include "engine.hpp"

namespace state {

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

bool Engine::recently_exited(int64_t tid, int64_t ptid, uint64_t time) const {
    const uint64_t key = (static_cast<uint64_t>(ptid) << 32) | (tid & 0xffffffff);
    for(const Exited &exited : recent_) {
        if(exited.key == key && time >= exited.time && time - exited.time < CLONE_STALE_NS) {
            return true;
        }
    }
    return false;
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
    std::string normal;
    if(normal_cgroups(cgroups, normal)) set(thread, thread->cgroups, texts.hold(normal));
}

void Engine::attach_container(Thread *thread) {
    if(!limits_.containers) return;
    Runtime runtime;
    const TextRef id = texts.hold(container_of(thread->cgroups.view(), runtime));
    set(thread, thread->container_id, id);
    if(runtime != RUNTIME_NONE && containers_.size() < limits_.max_names) {
        const auto [known, added] = containers_.insert({id.get(), {id, runtime}});
        if(!added && known->second.reference != runtime) {
            known->second.reference = runtime;
            ++epoch_;
        } else if(added) {
            ++epoch_;
        }
    }
}

}  // namespace state
