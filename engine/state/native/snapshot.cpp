// The state of this moment, written down so that a walk can go on from it as if it had not stopped.
#include "snapshot.hpp"

#include <algorithm>

#include "engine.hpp"

namespace state {

namespace {

// A file as libscap tells it: a socket's own end first, whichever side it is.
SnapFile file_row(const Thread &thread, int64_t number, const Fd &fd, Locals &texts) {
    SnapFile row{thread, number, fd};
    const SocketInfo &s = fd.socket;
    const auto ip = [&](const void *address, size_t size) {
        return Code{texts.loose(address, size)};
    };
    switch(fd.type) {
    case FD_IPV4: {
        row.source_ip = ip(&s.v4.sip, 4);
        row.dest_ip = ip(&s.v4.dip, 4);
        row.source_port = s.v4.sport;
        row.dest_port = s.v4.dport;
        row.l4proto = s.v4.l4proto;
        if(fd.server()) {
            std::swap(row.source_ip, row.dest_ip);
            std::swap(row.source_port, row.dest_port);
        }
        break;
    }
    case FD_IPV6:
        row.source_ip = ip(s.v6.sip, 16);
        row.dest_ip = ip(s.v6.dip, 16);
        row.source_port = s.v6.sport;
        row.dest_port = s.v6.dport;
        row.l4proto = s.v6.l4proto;
        break;
    case FD_IPV4_SERVER:
        row.source_ip = ip(&s.v4_server.ip, 4);
        row.source_port = s.v4_server.port;
        row.l4proto = s.v4_server.l4proto;
        break;
    case FD_IPV6_SERVER:
        row.source_ip = ip(s.v6_server.ip, 16);
        row.source_port = s.v6_server.port;
        row.l4proto = s.v6_server.l4proto;
        break;
    case FD_UNIX:
        row.source = s.unix_.source;
        row.destination = s.unix_.destination;
        break;
    default: break;
    }
    static const SocketInfo none{};
    if(std::memcmp(&s, &none, sizeof s) != 0) row.socket = ip(&s, sizeof s);
    return row;
}

// What has gone matters too: a list with nothing else in it is not empty.
SnapLink link(const Handle &handle, uint8_t kind, uint8_t gone, int64_t of) {
    const Thread *thread = handle.get();
    return thread ? SnapLink{kind, of, thread->tid} : SnapLink{gone, of, -1};
}

}  // namespace

void Engine::snapshot(Snapshot &to) {
    to.clear();
    std::vector<Thread *> order;
    threads_.each([&](int64_t, Thread *thread) { order.push_back(thread); });
    std::sort(order.begin(), order.end(),
              [](const Thread *a, const Thread *b) { return a->tid < b->tid; });

    std::vector<Group *> groups;
    std::unordered_map<const Group *, int32_t> places;
    const auto place = [&](Group *group) {
        const auto known = places.find(group);
        if(known != places.end()) return known->second;
        places[group] = static_cast<int32_t>(groups.size());
        groups.push_back(group);
        return static_cast<int32_t>(groups.size() - 1);
    };
    std::vector<std::pair<int64_t, const FdState *>> files;
    for(Thread *thread : order) {
        const int32_t group = thread->group ? place(thread->group.get()) : -1;
        to.threads.add(*thread, to.locals);
        to.walked_threads.add({*thread, group, thread->entered.get()}, to.locals);
        files.clear();
        thread->fds.each([&](int64_t number, const FdState &fd) {
            files.emplace_back(number, &fd);
            return true;
        });
        std::sort(files.begin(), files.end());
        for(const auto &[number, fd] : files) {
            const SnapFile row = file_row(*thread, number, *fd, to.locals);
            to.fds.add(row, to.locals);
            to.walked_fds.add(row, to.locals);
        }
        for(const Handle &child : thread->children) {
            to.walked_links.add(link(child, LINK_CHILD, LINK_CHILD_GONE, thread->tid), to.locals);
        }
    }
    std::vector<std::pair<int64_t, Group *>> joined;
    groups_.each([&](int64_t pid, const std::shared_ptr<Group> &group) {
        if(group) joined.emplace_back(pid, group.get());
    });
    std::sort(joined.begin(), joined.end());
    for(const auto &[pid, group] : joined) place(group);
    for(size_t at = 0; at < groups.size(); ++at) {
        Group *group = groups[at];
        const auto *known = groups_.find(group->pid);
        to.walked_groups.add({*group, known && known->get() == group}, to.locals);
        for(const Handle &member : group->threads) {
            to.walked_links.add(link(member, LINK_MEMBER, LINK_MEMBER_GONE,
                                     static_cast<int64_t>(at)), to.locals);
        }
    }
    for(size_t i = 0; i < recent_.size(); ++i) {
        const Exited &exited = recent_[(recent_at_ + i) % recent_.size()];
        if(exited.key || exited.time) to.walked_exits.add({exited.key, exited.time}, to.locals);
    }
    for(const auto &[key, container] : containers_) {
        to.walked_containers.add({container.id, container.reference}, to.locals);
    }
    to.walked_pending.add({exited_tid_, closed_tid_, closed_fd_, exited_, closed_}, to.locals);

    const auto names = [&](Names &from, auto &table) {
        std::vector<const Name *> sorted;
        for(const auto &[key, name] : from) sorted.push_back(&name);
        std::sort(sorted.begin(), sorted.end(),
                  [](const Name *a, const Name *b) { return a->id < b->id; });
        for(const Name *name : sorted) table.add(*name, to.locals);
    };
    names(users_, to.users);
    names(user_groups_, to.groups);
    to.describe();
}

}  // namespace state
