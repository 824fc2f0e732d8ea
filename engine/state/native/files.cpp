// Open, close, dup and every other call that gives a file: libsinsp's parsers of the same names.
#include "engine.hpp"

namespace state {

// Keeps the parameters of an enter event for its exit.
void Engine::store_enter(Event &e) {
    Thread *thread = e.thread;
    if(!thread) return;
    // An option: the parameter without which there is nothing to keep.
    if(e.type->option >= 0 && !e.has(e.type->option)) return;
    auto entered = std::make_unique<Entered>();
    entered->code = e.code;
    // By their types: a directory or a socket, a path or an address, then flags.
    bool has_flags = false;
    for(uint8_t i = 0; i < e.type->parameters && i < 3; ++i) {
        const auto &parameter = parameters_[e.type->first + i];
        if(parameter.refers == STATE_TO_FD) {
            entered->directory = e.number_of(i);
            entered->has_directory = e.has(i);
        } else if(parameter.kind == STATE_BYTES) {
            entered->text = texts.hold(e.bytes(i));
            entered->has_text = e.has(i);
        } else if(parameter.kind == STATE_U32 && !has_flags) {
            has_flags = true;
            entered->flags = static_cast<uint32_t>(e.number_of(i));
        }
    }
    thread->entered = std::move(entered);
}

// The enter event that belongs to this exit, when it was seen.
const Entered *Engine::entered(Event &e) {
    Thread *thread = e.thread;
    if(!thread || !thread->entered_valid || !thread->entered) return nullptr;
    const Entered &entered = *thread->entered;
    const bool execveat = e.type->action == STATE_EXECVE && e.type->argument == 1 &&
                          types_[entered.code].argument == 1;
    if(execveat || entered.code + 1 == e.code) return &entered;
    thread->entered_valid = false;
    return nullptr;
}

// Where a path starts: "." for an absolute one, <UNKNOWN> for a directory that is not known.
std::string Engine::directory_of(const Event &e, std::string_view path, int64_t directory) {
    if(!path.empty() && path[0] == '/') return ".";
    if(!e.thread) return "<UNKNOWN>";
    if(directory == AT_FDCWD_) return std::string(e.thread->get_cwd());
    const FdState *fd = e.thread->get_fd(directory);
    if(!fd) return "<UNKNOWN>";
    std::string name(fd->name.view());
    if(!name.empty() && name.back() != '/') name += '/';
    return name;
}

void Engine::open_exit(Event &e) {
    if(!e.thread) return;
    const uint8_t action = e.type->action;
    const Entered *before = action == STATE_OPEN_BY_HANDLE ? nullptr : entered(e);
    if(!e.succeeded()) return;

    std::string_view name = "<NA>";
    uint32_t flags = 0, dev = 0;
    uint64_t ino = 0;
    int64_t directory = 0;
    bool has_directory = false;
    const auto inode = [&](size_t at) {
        if(!e.has(at)) return;
        dev = static_cast<uint32_t>(e.number_of(at));
        ino = static_cast<uint64_t>(e.number_of(at + 1));
    };
    switch(action) {
    case STATE_OPEN:
        name = e.text(1);
        flags = static_cast<uint32_t>(e.number_of(2));
        inode(4);
        break;
    case STATE_CREAT:
        name = e.text(1);
        inode(3);
        if(e.has(4) && e.has(5)) {
            const auto layer = static_cast<uint32_t>(e.number_of(5));
            if(layer & CREAT_UPPER_LAYER) flags |= O_UPPER_LAYER;
            else if(layer & CREAT_LOWER_LAYER) flags |= O_LOWER_LAYER;
        }
        break;
    case STATE_OPEN_BY_HANDLE:
        flags = static_cast<uint32_t>(e.number_of(2));
        name = e.text(3);
        inode(4);
        break;
    default:  // openat, openat2
        directory = e.number_of(1);
        has_directory = e.has(1);
        if(e.has(2)) name = e.text(2);
        flags = static_cast<uint32_t>(e.number_of(3));
        inode(action == STATE_OPENAT ? 5 : 6);
        break;
    }
    // What was asked for on entry cannot have been changed meanwhile by another thread.
    if(before && before->has_text && before->text.view() != "<NA>" &&
       before->text.view() != "(NULL)") {
        name = before->text.view();
        if(action != STATE_CREAT) flags = before->flags | (flags & ~(O_CREATED_ - 1));
        if(before->has_directory) {
            directory = before->directory;
            has_directory = true;
        }
    }
    std::string base;
    if(action == STATE_OPEN || action == STATE_CREAT) base = e.thread->get_cwd();
    else if(action != STATE_OPEN_BY_HANDLE && has_directory) {
        base = directory_of(e, name, directory);
    }

    Fd fd;
    fd.type = flags & O_DIRECTORY_ ? FD_DIRECTORY : FD_FILE_V2;
    fd.open_flags = flags;
    fd.dev = dev;
    fd.ino = ino;
    fd.name_raw = texts.hold(name);
    fd.name = texts.hold(join_paths(base, name));
    if(flags & O_UPPER_LAYER) fd.flags |= FD_OVERLAY_UPPER;
    if(flags & O_LOWER_LAYER) fd.flags |= FD_OVERLAY_LOWER;
    add_fd(e, e.result(), std::move(fd), TextRef());
}

void Engine::close_exit(Event &e) {
    if(!e.succeeded() || !e.fd || !e.thread) return;
    closed_ = true;
    closed_tid_ = e.thread->tid;
    closed_fd_ = e.thread->last_fd;
}

void Engine::close_range_exit(Event &e) {
    if(!e.thread || !e.succeeded()) return;
    FdTable *table = e.thread->fd_table();
    if(!table) return;
    const auto first = static_cast<uint32_t>(e.number_of(1));
    const auto last = static_cast<uint32_t>(e.number_of(2));
    std::vector<int64_t> hit;
    table->each([&](int64_t fd, const FdState &) {
        if(fd >= 0 && fd >= first && fd <= last) hit.push_back(fd);
        return true;
    });
    const bool mark = e.number_of(3) & CLOSE_RANGE_CLOEXEC_;
    for(int64_t number : hit) {
        if(!mark) {
            table->erase(number);
            continue;
        }
        Fd fd = *table->find(number);
        if(fd.open_flags & O_CLOEXEC_) continue;
        fd.open_flags |= O_CLOEXEC_;
        FdRef made = make_fd(e.thread, number, std::move(fd));
        row_of(made.get());
        table->set(number, std::move(made), limits_.max_fds);
    }
}

void Engine::dup_exit(Event &e) {
    Thread *thread = e.thread;
    if(!thread || !e.succeeded() || !e.fd) return;
    const int64_t number = e.result();
    // A thread that puts something else in the place of its input or output is part of a pipeline.
    if(number == 0) set(thread, thread->flags, thread->flags | CL_PIPE_DST);
    if(number == 1) set(thread, thread->flags, thread->flags | CL_PIPE_SRC);
    Fd fd = *e.fd.get();
    const TextRef name = fd.name;
    fd.keep_on_exec();
    // dup3 has flags.
    if(e.type->option >= 0 && (e.number_of(e.type->option) & O_CLOEXEC_)) {
        fd.open_flags |= O_CLOEXEC_;
    }
    add_fd(e, number, std::move(fd), name);
}

void Engine::fcntl_exit(Event &e) {
    if(!e.thread) return;
    const auto command = static_cast<uint8_t>(e.number_of(2));
    if(command != F_DUPFD_ && command != F_DUPFD_CLOEXEC_ && command != F_SETFD_) return;
    if(!e.succeeded() || !e.fd) return;
    Fd fd = *e.fd.get();
    const TextRef name = fd.name;
    fd.keep_on_exec();
    if(command == F_SETFD_) {
        if(e.number_of(3) & 1) fd.open_flags |= O_CLOEXEC_;
        change_fd(e, std::move(fd));
        return;
    }
    if(command == F_DUPFD_CLOEXEC_) fd.open_flags |= O_CLOEXEC_;
    add_fd(e, e.result(), std::move(fd), name);
}

// Calls that give a file of one kind: eventfd, signalfd, timerfd, inotify, epoll, bpf …
void Engine::new_fd_exit(Event &e) {
    if(!e.thread || !e.succeeded()) return;
    Fd fd;
    fd.type = static_cast<FdType>(e.type->argument);
    if(e.type->option >= 0) {
        const auto flags = static_cast<uint32_t>(e.number_of(e.type->option));
        // epoll_create1 has flags of its own.
        if(fd.type == FD_EVENTPOLL) fd.open_flags = flags & EPOLL_CLOEXEC_ ? +O_CLOEXEC_ : 0u;
        else fd.open_flags = flags;
    }
    add_fd(e, e.result(), std::move(fd), TextRef());
}

void Engine::pipe_exit(Event &e) {
    if(!e.thread || !e.succeeded()) return;
    for(size_t end : {1, 2}) {
        Fd fd;
        fd.type = FD_FIFO;
        fd.ino = static_cast<uint64_t>(e.number_of(3));
        if(e.type->option >= 0) {
            fd.open_flags = static_cast<uint32_t>(e.number_of(e.type->option));
        }
        add_fd(e, e.number_of(end), std::move(fd), TextRef());
    }
}

// As libsinsp does, a failed call too leaves something, under the negative number of the error.
void Engine::memfd_exit(Event &e) {
    if(!e.thread || !e.returned()) return;
    Fd fd;
    if(e.result() >= 0) {
        fd.type = FD_MEMFD;
        fd.name = texts.hold(e.text(1));
        fd.open_flags = static_cast<uint32_t>(e.number_of(2));
    }
    add_fd(e, e.result(), std::move(fd), TextRef());
}

void Engine::pidfd_exit(Event &e) {
    if(!e.thread || !e.returned()) return;
    if(e.type->action == STATE_PIDFD_OPEN) {
        if(e.result() < 0) return;
        Fd fd;
        fd.type = FD_PIDFD;
        fd.pid = e.number_of(1);
        fd.name = texts.hold("/proc/" + std::to_string(fd.pid));
        fd.open_flags = static_cast<uint32_t>(e.number_of(2));
        add_fd(e, e.result(), std::move(fd), TextRef());
        return;
    }
    const FdState *pidfd = e.thread->get_fd(e.number_of(1));
    if(!pidfd || pidfd->type != FD_PIDFD) return;
    Thread *target = find(pidfd->pid);
    const FdState *wanted = target ? target->get_fd(e.number_of(2)) : nullptr;
    if(!wanted) return;
    Fd fd = *wanted;
    const TextRef name = fd.name;
    fd.keep_on_exec();
    fd.open_flags |= O_CLOEXEC_;
    add_fd(e, e.result(), std::move(fd), name);
}

}  // namespace state
