// The state a section of a capture starts with: libsinsp's sinsp.cpp and threadinfo.cpp.
#include <cstring>
#include <set>

#include "engine.hpp"
#include "resume.hpp"
#include "start_table.hpp"

namespace state {

namespace {

uint32_t address4(std::string_view bytes, size_t at = 0) {
    uint32_t address = 0;
    if(bytes.size() >= at + 4) std::memcpy(&address, bytes.data() + at, 4);
    return address;
}

void address6(std::string_view bytes, uint8_t *to) {
    std::memset(to, 0, 16);
    std::memcpy(to, bytes.data(), std::min<size_t>(16, bytes.size()));
}

}  // namespace

// One section's start, table by table. The numbers of columns are those of the schema.
struct Starter {
    Engine &engine;
    bool walked;  // what a walk has come to, to be taken in as it stands
    std::set<uint16_t> server_ports{};

    Thread *thread(const StartTable &in, int64_t row) {
        Thread *t = engine.new_thread();
        Texts &texts = engine.texts;
        const auto number = [&](size_t column, int64_t otherwise = 0) {
            return in.number(row, column, otherwise);
        };
        const auto text = [&](size_t column) { return texts.hold(in.bytes(row, column)); };
        const auto u32 = [&](size_t column) { return static_cast<uint32_t>(number(column)); };
        const auto u64 = [&](size_t column) { return static_cast<uint64_t>(number(column)); };
        t->tid = number(0);
        t->pid = number(1);
        t->ptid = number(2);
        t->sid = number(3, -1);
        t->vpgid = number(4, -1);
        t->comm = text(5);
        t->exe = text(6);
        t->args = texts.hold(list_of(in.bytes(row, 8)));
        if(walked) {
            t->exepath = text(7);
            t->cwd = text(9);
            t->env = texts.hold(list_of(in.bytes(row, 19)));
            t->cgroups = texts.hold(list_of(in.bytes(row, 22)));
            t->flags = u32(11);
        } else {
            engine.set_exepath(t, in.bytes(row, 7));
            engine.set_cgroups(t, in.bytes(row, 22));
            t->flags |= u32(11) | CL_ACTIVE;
        }
        if(t->is_main() && !walked) {
            std::string cwd = join_paths({}, in.bytes(row, 9));
            if(cwd.empty() || cwd.back() != '/') cwd += '/';
            t->cwd = texts.hold(cwd);
            t->env = texts.hold(list_of(in.bytes(row, 19)));
        }
        t->fd_limit = number(10);
        t->uid = u32(12);
        t->gid = u32(13);
        t->memory = {u32(14), u32(15), u32(16), u64(17), u64(18)};
        t->vtid = number(20, -1);
        t->vpid = number(21, -1);
        t->root = text(23);
        t->pidns_init_start_ts = u64(24);
        t->tty = u32(25);
        t->loginuid = static_cast<uint32_t>(number(26, 0xffffffff));
        t->exe_writable = number(27);
        t->cap_inheritable = u64(28);
        t->cap_permitted = u64(29);
        t->cap_effective = u64(30);
        t->exe_upper = number(31);
        t->exe_ino = u64(32);
        t->exe_ino_ctime = u64(33);
        t->exe_ino_mtime = u64(34);
        t->exe_memfd = number(35);
        t->exe_lower = number(36);
        t->pgid = number(37, -1);
        return t;
    }

    void file(const StartTable &in, int64_t row) {
        Thread *thread = engine.find(in.number(row, 0));
        if(!thread) return;
        Fd fd;
        fd.type = static_cast<FdType>(in.number(row, 3));
        fd.flags = FD_FROM_START;
        fd.ino = static_cast<uint64_t>(in.number(row, 2));
        fd.name = engine.texts.hold(in.bytes(row, 4));
        const auto source = in.bytes(row, 7), dest = in.bytes(row, 8);
        const auto sport = static_cast<uint16_t>(in.number(row, 9));
        const auto dport = static_cast<uint16_t>(in.number(row, 10));
        const auto l4 = static_cast<uint8_t>(in.number(row, 11));
        switch(fd.type) {
        case FD_IPV4: ipv4(fd, address4(source), address4(dest), sport, dport, l4); break;
        case FD_IPV6: {
            uint8_t sip[16], dip[16];
            address6(source, sip);
            address6(dest, dip);
            if(is_mapped_ipv4(sip) && is_mapped_ipv4(dip)) {
                fd.type = FD_IPV4;
                ipv4(fd, address4(source, 12), address4(dest, 12), sport, dport, l4);
                break;
            }
            std::memcpy(fd.socket.v6.sip, sip, 16);
            std::memcpy(fd.socket.v6.dip, dip, 16);
            fd.socket.v6.sport = sport;
            fd.socket.v6.dport = dport;
            fd.socket.v6.l4proto = l4;
            if(l4 == L4_TCP) fd.flags |= FD_CONNECTED;
            fd.name = engine.texts.hold(pair_name_v6(sip, sport, dip, dport));
            break;
        }
        case FD_IPV4_SERVER:
            fd.socket.v4_server.ip = address4(source);
            fd.socket.v4_server.port = sport;
            fd.socket.v4_server.l4proto = l4;
            fd.name = engine.texts.hold(server_name_v4(
                reinterpret_cast<const uint8_t *>(&fd.socket.v4_server.ip), sport));
            server_ports.insert(sport);
            break;
        case FD_IPV6_SERVER: {
            address6(source, fd.socket.v6_server.ip);
            fd.socket.v6_server.port = sport;
            fd.socket.v6_server.l4proto = l4;
            fd.name = engine.texts.hold(server_name_v6(fd.socket.v6_server.ip, sport));
            server_ports.insert(sport);
            break;
        }
        case FD_UNIX:
            fd.socket.unix_.source = static_cast<uint64_t>(in.number(row, 12));
            fd.socket.unix_.destination = static_cast<uint64_t>(in.number(row, 13));
            fd.flags |= fd.name.empty() ? FD_ROLE_CLIENT : FD_ROLE_SERVER;
            break;
        case FD_FILE_V2:
            fd.open_flags = static_cast<uint32_t>(in.number(row, 5));
            fd.dev = static_cast<uint32_t>(in.number(row, 6));
            break;
        default:
            if(fd.type <= FD_UNKNOWN || fd.type >= FD_TYPES) return;
        }
        put(thread, in.number(row, 1), std::move(fd));
    }

    void ipv4(Fd &fd, uint32_t sip, uint32_t dip, uint16_t sport, uint16_t dport, uint8_t l4) {
        auto &s = fd.socket.v4;
        s.sip = sip;
        s.dip = dip;
        s.sport = sport;
        s.dport = dport;
        s.l4proto = l4;
        if(l4 == L4_TCP) fd.flags |= FD_CONNECTED;
        engine.complete(fd);
        fd.name = engine.texts.hold(pair_name_v4(&s.sip, sport, &s.dip, dport));
    }

    void put(Thread *thread, int64_t number, Fd &&fd) {
        FdRef made = engine.make_fd(thread, number, std::move(fd));
        // A process tells of its own files; libsinsp puts them with the thread they are told for.
        if(!thread->fds.set(number, std::move(made), engine.limits_.max_fds)) ++engine.refused;
    }

    // A connection to a port that some process listens on is the server's end of it.
    void roles(Thread *thread) {
        std::vector<std::pair<int64_t, Fd>> changed;
        thread->fds.each([&](int64_t number, const FdState &state) {
            if(state.type != FD_IPV4) return true;
            Fd fd = state;
            auto &s = fd.socket.v4;
            if(!server_ports.count(s.sport)) {
                fd.flags |= FD_ROLE_CLIENT;
            } else {
                std::swap(s.sip, s.dip);
                std::swap(s.sport, s.dport);
                fd.name = engine.texts.hold(pair_name_v4(&s.sip, s.sport, &s.dip, s.dport));
                fd.flags |= FD_ROLE_SERVER;
            }
            changed.emplace_back(number, std::move(fd));
            return true;
        });
        for(auto &[number, fd] : changed) put(thread, number, std::move(fd));
    }
};

void Engine::begin(const state_table_in &threads_in, const state_table_in &fds_in,
                   const state_table_in &users_in, const state_table_in &groups_in,
                   const state_table_in &interfaces_in, const state_table_in *walked_in,
                   uint64_t boot_ts) {
    threads_.each([&](int64_t, Thread *thread) { retire(thread); });
    threads_.clear();
    groups_.clear();
    bury();
    users_.clear();
    user_groups_.clear();
    containers_.clear();
    interfaces4_.clear();
    interfaces6_.clear();
    dirty_.clear();
    exited_ = closed_ = false;
    recent_.assign(recent_.size(), {});
    recent_at_ = 0;
    recent_of_.clear();
    boot_ts_ = boot_ts;
    num_ = 0;
    ++epoch_;

    const StartTable threads(threads_in), fds(fds_in), users(users_in), groups(groups_in),
        interfaces(interfaces_in);
    Resumer resumer(*this, walked_in);
    const bool walked = resumer.fits(threads, fds);
    if(walked) resumer.make_groups();
    Starter starter{*this, walked};

    for(int64_t row = 0; row < threads.rows(); ++row) {
        if(threads_.size() >= limits_.max_threads) {
            ++refused;
            continue;
        }
        Thread *thread = starter.thread(threads, row);
        Thread *&slot = threads_.at(thread->tid);
        if(slot) retire(slot);
        slot = thread;
        touch(thread);
        if(walked) resumer.thread(thread, row);
    }
    // Files are read before interfaces are known; incomplete addresses stay as they are.
    for(int64_t row = 0; row < fds.rows(); ++row) {
        if(walked) resumer.file(fds, row);
        else starter.file(fds, row);
    }
    std::vector<Thread *> order;
    for(int64_t row = 0; row < threads.rows(); ++row) {
        Thread *thread = find(threads.number(row, 0));
        if(!thread || thread->in_progress) continue;
        thread->in_progress = true;  // told twice, it is still one
        order.push_back(thread);
        if(!walked) join_group(thread);
    }
    for(Thread *thread : order) thread->in_progress = false;
    if(walked) resumer.relatives();

    for(int64_t row = 0; row < interfaces.rows(); ++row) {
        const auto address = interfaces.bytes(row, 1), netmask = interfaces.bytes(row, 2);
        if(address.size() == 4) {
            interfaces4_.push_back({address4(address), address4(netmask)});
        } else if(address.size() == 16) {
            Interface6 at;
            address6(address, at.address.data());
            interfaces6_.push_back(at);
        }
    }
    for(int64_t row = 0; row < users.rows(); ++row) {
        set_name(true, {}, static_cast<uint32_t>(users.number(row, 0)),
                 static_cast<uint32_t>(users.number(row, 1)), users.bytes(row, 2),
                 users.bytes(row, 3), users.bytes(row, 4), true);
    }
    for(int64_t row = 0; row < groups.rows(); ++row) {
        set_name(false, {}, static_cast<uint32_t>(groups.number(row, 0)), 0, groups.bytes(row, 1),
                 {}, {}, true);
    }
    for(Thread *thread : order) {
        if(!walked) {
            attach_container(thread);
            starter.roles(thread);
        }
        thread->fds.each([&](int64_t, FdState &state) {
            row_of(&state);
            return true;
        });
    }
    note_changes();
    bury();
}

}  // namespace state
