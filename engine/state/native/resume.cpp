// The reverse of snapshot.cpp. The tables may come from anywhere: nothing in them is trusted.
#include "resume.hpp"

#include <algorithm>

#include "snapshot.hpp"

namespace state {

namespace {

// Tables of capture/events/walked_state.py.
enum : size_t { THREADS, FDS, GROUPS, LINKS, EXITS, CONTAINERS, PENDING };

}  // namespace

Resumer::Resumer(Engine &engine, const state_table_in *walked) : engine_(engine) {
    if(!walked) return;
    for(size_t i = 0; i < STATE_WALKED; ++i) tables_.emplace_back(walked[i]);
}

void Resumer::make_groups() {
    const StartTable &groups = tables_[GROUPS];
    for(int64_t row = 0; row < groups.rows(); ++row) {
        if(row >= 2 * static_cast<int64_t>(engine_.limits_.max_threads)) break;
        auto group = std::make_shared<Group>();
        group->pid = groups.number(row, 0);
        group->reaper = groups.number(row, 2);
        group->alive = static_cast<uint64_t>(groups.number(row, 3));
        if(groups.number(row, 1)) engine_.groups_.at(group->pid) = group;
        groups_.push_back(std::move(group));
    }
}

bool Resumer::fits(const StartTable &threads, const StartTable &fds) const {
    if(tables_.empty() || tables_[THREADS].rows() != threads.rows() ||
       tables_[FDS].rows() != fds.rows()) {
        return false;
    }
    for(int64_t row = 0; row < threads.rows(); ++row) {
        if(threads.number(row, 0) != tables_[THREADS].number(row, 0)) return false;
    }
    for(int64_t row = 0; row < fds.rows(); ++row) {
        if(fds.number(row, 0) != tables_[FDS].number(row, 0) ||
           fds.number(row, 1) != tables_[FDS].number(row, 1)) {
            return false;
        }
    }
    return true;
}

std::shared_ptr<Group> *Resumer::group_at(int64_t row) {
    if(row < 0 || row >= static_cast<int64_t>(groups_.size())) return nullptr;
    return &groups_[row];
}

void Resumer::thread(Thread *thread, int64_t row) {
    const StartTable &in = tables_[THREADS];
    const auto u64 = [&](size_t column) { return static_cast<uint64_t>(in.number(row, column)); };
    thread->container_id = engine_.texts.hold(in.bytes(row, 1));
    thread->clone_ts = u64(2);
    thread->ctime_to_clone = u64(3);
    thread->ctime_to_pidns = u64(4);
    thread->reaper_tid = in.number(row, 5, -1);
    if(const auto *group = group_at(in.number(row, 6, -1))) thread->group = *group;
    thread->last_fd = in.number(row, 7);
    thread->last_type = static_cast<uint16_t>(in.number(row, 8, 0xffff));
    thread->entered_valid = in.number(row, 9);
    const int64_t code = in.number(row, 10, -1);
    if(code >= 0 && code < static_cast<int64_t>(engine_.types_.size())) {
        auto entered = std::make_unique<Entered>();
        entered->code = static_cast<uint16_t>(code);
        entered->directory = in.number(row, 11);
        entered->flags = static_cast<uint32_t>(in.number(row, 12));
        entered->has_text = in.number(row, 13);
        entered->has_directory = in.number(row, 14);
        entered->text = engine_.texts.hold(in.bytes(row, 15));
        thread->entered = std::move(entered);
    }
    constexpr int64_t most = int64_t{1} << 40;
    thread->live_children = std::clamp(in.number(row, 16), -most, most);
}

void Resumer::file(const StartTable &fds, int64_t row) {
    const StartTable &in = tables_[FDS];
    Thread *thread = engine_.find(fds.number(row, 0));
    const int64_t type = in.number(row, 2, FD_UNSET);
    if(!thread || type < FD_UNSET || type >= FD_TYPES) return;
    Fd fd;
    fd.type = static_cast<FdType>(type);
    fd.ino = static_cast<uint64_t>(fds.number(row, 2));
    fd.name = engine_.texts.hold(fds.bytes(row, 4));
    fd.open_flags = static_cast<uint32_t>(fds.number(row, 5));
    fd.dev = static_cast<uint32_t>(fds.number(row, 6));
    fd.flags = static_cast<uint32_t>(in.number(row, 3));
    fd.name_raw = engine_.texts.hold(in.bytes(row, 4));
    fd.pid = in.number(row, 5);
    const std::string_view socket = in.bytes(row, 6);
    if(socket.size() == sizeof fd.socket) std::memcpy(&fd.socket, socket.data(), socket.size());
    const int64_t number = fds.number(row, 1);
    FdRef made = engine_.make_fd(thread, number, std::move(fd));
    if(!thread->fds.set(number, std::move(made), engine_.limits_.max_fds)) ++engine_.refused;
}

void Resumer::relatives() {
    const StartTable &links = tables_[LINKS], &exits = tables_[EXITS],
                     &containers = tables_[CONTAINERS], &pending = tables_[PENDING];
    const int64_t most = 16 * static_cast<int64_t>(engine_.limits_.max_threads);
    for(int64_t row = 0; row < std::min(links.rows(), most); ++row) {
        const int64_t kind = links.number(row, 0), of = links.number(row, 1, -1);
        const bool gone = kind == LINK_MEMBER_GONE || kind == LINK_CHILD_GONE;
        Thread *thread = gone ? nullptr : engine_.find(links.number(row, 2, -1));
        const Handle handle = thread ? thread->handle() : Handle();
        if(kind == LINK_MEMBER || kind == LINK_MEMBER_GONE) {
            if(const auto *group = group_at(of)) (*group)->threads.push_back(handle);
        } else if(Thread *parent = engine_.find(of)) {
            parent->children.push_back(handle);
        }
    }
    for(int64_t row = 0; row < exits.rows(); ++row) {
        if(row >= static_cast<int64_t>(engine_.recent_.size())) break;
        const int64_t key = exits.number(row, 0);
        engine_.recent_[row] = {key, static_cast<uint64_t>(exits.number(row, 1))};
        engine_.recent_of_.at(key) = static_cast<size_t>(row);
        engine_.recent_at_ = static_cast<size_t>(row + 1) % engine_.recent_.size();
    }
    for(int64_t row = 0; row < containers.rows(); ++row) {
        if(engine_.containers_.size() >= engine_.limits_.max_names) break;
        const TextRef id = engine_.texts.hold(containers.bytes(row, 0));
        engine_.containers_[id.get()] = {id, static_cast<int32_t>(containers.number(row, 1))};
    }
    if(pending.rows() == 0) return;
    engine_.exited_tid_ = pending.number(0, 0, -1);
    engine_.exited_ = pending.number(0, 1);
    engine_.closed_tid_ = pending.number(0, 2, -1);
    engine_.closed_fd_ = pending.number(0, 3, -1);
    engine_.closed_ = pending.number(0, 4);
}

}  // namespace state
