// Sockets and their addresses: libsinsp's parsers of the same names, and ifinfo.cpp.
#include <algorithm>
#include <cstring>

#include "engine.hpp"

namespace state {

namespace {

constexpr uint32_t TCP = 6, UDP = 17, ICMP = 1, RAW = 255, IP = 0;
constexpr uint32_t STREAM = 1, DATAGRAM = 2, RAW_SOCKET = 3;
constexpr uint32_t LOOPBACK = 0x0100007f;  // 127.0.0.1, as the bytes lie

struct Ends4 {
    uint32_t sip, dip;
    uint16_t sport, dport;
};

// Takes the addresses; false when they are known already, in either direction.
bool set_v4(Fd &fd, const Ends4 &to) {
    auto &s = fd.socket.v4;
    if(fd.type == FD_IPV4) {
        if(to.sip == s.sip && to.sport == s.sport && to.dip == s.dip && to.dport == s.dport) {
            return false;
        }
        if(to.dip == s.sip && to.dport == s.sport && to.sip == s.dip && to.sport == s.dport) {
            return false;
        }
    }
    // A destination of zeros counts as new, whatever comes.
    const bool changed = s.sip != to.sip || s.sport != to.sport || s.dip == 0 || s.dip != to.dip ||
                         s.dport == 0 || s.dport != to.dport;
    s.sip = to.sip;
    s.sport = to.sport;
    s.dip = to.dip;
    s.dport = to.dport;
    return changed;
}

bool set_v6(Fd &fd, const uint8_t *sip, uint16_t sport, const uint8_t *dip, uint16_t dport) {
    constexpr uint8_t none[16] = {};
    auto &s = fd.socket.v6;
    const auto equal = [](const uint8_t *a, const uint8_t *b) { return !std::memcmp(a, b, 16); };
    if(fd.type == FD_IPV6) {
        if(equal(sip, s.sip) && sport == s.sport && equal(dip, s.dip) && dport == s.dport) {
            return false;
        }
        if(equal(dip, s.sip) && dport == s.sport && equal(sip, s.dip) && sport == s.dport) {
            return false;
        }
    }
    const bool changed = !equal(s.sip, sip) || s.sport != sport || equal(s.dip, none) ||
                         !equal(s.dip, dip) || s.dport == 0 || s.dport != dport;
    std::memcpy(s.sip, sip, 16);
    std::memcpy(s.dip, dip, 16);
    s.sport = sport;
    s.dport = dport;
    return changed;
}

void swap_ends(Fd &fd) {
    if(fd.type == FD_IPV4) {
        std::swap(fd.socket.v4.sip, fd.socket.v4.dip);
        std::swap(fd.socket.v4.sport, fd.socket.v4.dport);
    } else {
        std::swap(fd.socket.v6.sip, fd.socket.v6.dip);
        std::swap(fd.socket.v6.sport, fd.socket.v6.dport);
    }
}

Ends4 ends_v4(const Packed &t) {
    return {t.number<uint32_t>(1), t.number<uint32_t>(7), t.number<uint16_t>(5),
            t.number<uint16_t>(11)};
}

// An IPv6 tuple of IPv4 addresses.
Ends4 ends_mapped(const Packed &t) {
    return {t.number<uint32_t>(13), t.number<uint32_t>(31), t.number<uint16_t>(17),
            t.number<uint16_t>(35)};
}

void set_unix(Fd &fd, const Packed &tuple) {
    fd.socket.unix_.source = tuple.number<uint64_t>(1);
    fd.socket.unix_.destination = tuple.number<uint64_t>(9);
}

bool mapped(const Packed &tuple) {
    return is_mapped_ipv4(tuple.at(1)) && is_mapped_ipv4(tuple.at(19));
}

}  // namespace

void Engine::add_socket(Event &e, int64_t number, uint32_t domain, uint32_t type,
                        uint32_t protocol, uint32_t flags) {
    Fd fd;
    fd.type = FD_UNKNOWN;
    fd.open_flags = flags;
    if(domain == AF_UNIX_) {
        fd.type = FD_UNIX;
    } else if(domain == AF_INET_ || domain == AF_INET6_) {
        fd.type = domain == AF_INET_ ? FD_IPV4 : FD_IPV6;
        const bool raw = type == RAW_SOCKET;
        uint8_t l4 = L4_UNKNOWN;
        if(protocol == TCP) l4 = raw ? L4_RAW : L4_TCP;
        else if(protocol == UDP) l4 = raw ? L4_RAW : L4_UDP;
        else if(protocol == IP) {
            // The type may carry SOCK_NONBLOCK and SOCK_CLOEXEC.
            if((type & 0xff) == STREAM) l4 = L4_TCP;
            else if((type & 0xff) == DATAGRAM) l4 = L4_UDP;
        } else if(protocol == ICMP) l4 = raw ? L4_RAW : L4_ICMP;
        else if(protocol == RAW) l4 = L4_RAW;
        if(domain == AF_INET_) fd.socket.v4.l4proto = l4;
        else fd.socket.v6.l4proto = l4;
    } else if(domain == AF_NETLINK_) {
        fd.type = FD_NETLINK;
    }
    add_fd(e, number, std::move(fd), TextRef());
}

void Engine::socket_exit(Event &e) {
    if(!e.thread || !e.succeeded()) return;
    add_socket(e, e.result(), static_cast<uint32_t>(e.number_of(1)),
               static_cast<uint32_t>(e.number_of(2)), static_cast<uint32_t>(e.number_of(3)),
               static_cast<uint32_t>(e.number_of(4)));
}

// A port makes it a server.
void Engine::bind_exit(Event &e) {
    if(!e.fd || !e.succeeded()) return;
    const Packed address{e.bytes(1)};
    if(!valid_address(address)) return;
    Fd fd = *e.fd.get();
    if(address.family() == AF_INET_) {
        const auto port = address.number<uint16_t>(5);
        if(port > 0) {
            const uint8_t l4 = fd.socket.v4.l4proto;
            fd.type = FD_IPV4_SERVER;
            fd.socket.v4_server.ip = address.number<uint32_t>(1);
            fd.socket.v4_server.port = port;
            fd.socket.v4_server.l4proto = l4;
            fd.flags |= FD_ROLE_SERVER;
        }
    } else if(address.family() == AF_INET6_) {
        const auto port = address.number<uint16_t>(17);
        if(port > 0) {
            const uint8_t l4 = fd.socket.v6.l4proto;
            if(is_mapped_ipv4(address.at(1))) {
                fd.type = FD_IPV4_SERVER;
                fd.socket.v4_server.l4proto = l4;
                fd.socket.v4_server.ip = address.number<uint32_t>(13);
                fd.socket.v4_server.port = port;
            } else {
                fd.type = FD_IPV6_SERVER;
                fd.socket.v6_server.port = port;
                std::memcpy(fd.socket.v6_server.ip, address.at(1), 16);
                fd.socket.v6_server.l4proto = fd.socket.v6.l4proto;
            }
            fd.flags |= FD_ROLE_SERVER;
        }
    }
    fd.name = texts.hold(address_text(address));
    change_fd(e, std::move(fd));
}

void Engine::connect_exit(Event &e) {
    if(!e.thread || !e.fd || !e.returned()) return;
    if(e.result() < 0 && e.result() != -EINPROGRESS_) return;
    Fd fd = *e.fd.get();
    fd.set_connected();

    // The address as it was on entry: no other thread can have changed it before the kernel read.
    const Entered *before = entered(e);
    Packed asked{before ? before->text.view() : std::string_view{}};
    if(!valid_address(asked)) asked.bytes = {};
    Packed tuple{e.bytes(1)}, exit_address{e.bytes(3)};
    if(!valid_address(exit_address)) exit_address.bytes = {};

    if(tuple.empty()) {
        if(!asked.empty()) {
            if(asked.family() == AF_INET_) {
                fd.type = FD_IPV4;
                fd.socket.v4.dip = asked.number<uint32_t>(1);
                fd.socket.v4.dport = asked.number<uint16_t>(5);
            } else if(asked.family() == AF_INET6_ && is_mapped_ipv4(asked.at(1))) {
                fd.type = FD_IPV4;
                fd.socket.v4.dip = asked.number<uint32_t>(13);
                fd.socket.v4.dport = asked.number<uint16_t>(17);
            } else if(asked.family() == AF_INET6_) {
                fd.type = FD_IPV6;
                fd.socket.v6.dport = asked.number<uint16_t>(17);
                std::memcpy(fd.socket.v6.dip, asked.at(1), 16);
            } else {
                fd.name = texts.hold(tuple_text(tuple));
            }
        }
        change_fd(e, std::move(fd));
        return;
    }
    if(!valid_tuple(tuple)) {
        change_fd(e, std::move(fd));
        return;
    }

    // Where the tuple has what the exit event read from user memory, what was read on entry is the
    // truth; where it differs, the kernel knew better.
    const bool both = !asked.empty() && !exit_address.empty();
    if(tuple.family() == AF_INET_ || tuple.family() == AF_INET6_) {
        bool changed;
        if(tuple.family() == AF_INET_) {
            Ends4 ends = ends_v4(tuple);
            if(both && exit_address.family() == AF_INET_ && asked.family() == AF_INET_ &&
               exit_address.number<uint32_t>(1) == ends.dip &&
               exit_address.number<uint16_t>(5) == ends.dport) {
                ends.dip = asked.number<uint32_t>(1);
                ends.dport = asked.number<uint16_t>(5);
            }
            fd.type = FD_IPV4;
            changed = set_v4(fd, ends);
        } else {
            const uint8_t *dip = tuple.at(19);
            auto dport = tuple.number<uint16_t>(35);
            if(both && exit_address.family() == AF_INET6_ && asked.family() == AF_INET6_ &&
               !std::memcmp(exit_address.at(1), dip, 16) &&
               exit_address.number<uint16_t>(17) == dport) {
                dip = asked.at(1);
                dport = asked.number<uint16_t>(17);
            }
            if(is_mapped_ipv4(tuple.at(1)) && is_mapped_ipv4(dip)) {
                fd.type = FD_IPV4;
                Ends4 ends{tuple.number<uint32_t>(13), 0, tuple.number<uint16_t>(17), dport};
                std::memcpy(&ends.dip, dip + 12, 4);
                changed = set_v4(fd, ends);
            } else {
                fd.type = FD_IPV6;
                changed = set_v6(fd, tuple.at(1), tuple.number<uint16_t>(17), dip, dport);
            }
        }
        if(changed && fd.server() && fd.is_udp()) swap_ends(fd);
        fd.name = texts.hold(socket_name(fd));
    } else {
        if(fd.type != FD_UNIX) {
            change_fd(e, std::move(fd));
            return;
        }
        std::string_view path;
        if(tuple.family() == AF_UNIX_) {
            path = tuple.path(17);
            if(both && exit_address.family() == AF_UNIX_ && asked.family() == AF_UNIX_ &&
               exit_address.path(1).substr(0, 108) == path.substr(0, 108)) {
                path = asked.path(1);
            }
            set_unix(fd, tuple);
        }
        fd.name = texts.hold(
            unix_name(fd.socket.unix_.source, fd.socket.unix_.destination, path));
    }
    if(fd.no_role()) fd.flags |= FD_ROLE_CLIENT;
    change_fd(e, std::move(fd));
}

void Engine::accept_exit(Event &e) {
    if(!e.thread || !e.succeeded()) return;
    e.thread->last_fd = e.result();
    const Packed tuple{e.bytes(1)};
    if(!valid_tuple(tuple)) return;
    Fd fd;
    if(tuple.family() == AF_INET_ || (tuple.family() == AF_INET6_ && mapped(tuple))) {
        set_v4(fd, tuple.family() == AF_INET_ ? ends_v4(tuple) : ends_mapped(tuple));
        fd.type = FD_IPV4;
        fd.socket.v4.l4proto = L4_TCP;
    } else if(tuple.family() == AF_INET6_) {
        set_v6(fd, tuple.at(1), tuple.number<uint16_t>(17), tuple.at(19),
               tuple.number<uint16_t>(35));
        fd.type = FD_IPV6;
        fd.socket.v6.l4proto = L4_TCP;
    } else if(tuple.family() == AF_UNIX_) {
        fd.type = FD_UNIX;
        set_unix(fd, tuple);
    } else {
        return;
    }
    fd.name = texts.hold(tuple_text(tuple));
    // accept4 has flags.
    if(e.type->option >= 0) {
        fd.open_flags = static_cast<uint32_t>(e.number_of(e.type->option)) & O_CLOEXEC_;
    }
    fd.flags = FD_ROLE_SERVER | FD_CONNECTED;
    add_fd(e, e.result(), std::move(fd), TextRef());
}

void Engine::socketpair_exit(Event &e) {
    if(!e.thread || !e.succeeded()) return;
    const int64_t first = e.number_of(1), second = e.number_of(2);
    if(first == second) {
        e.fd = FdRef();
        return;
    }
    Fd fd;
    fd.type = FD_UNIX;
    fd.socket.unix_.source = static_cast<uint64_t>(e.number_of(3));
    fd.socket.unix_.destination = static_cast<uint64_t>(e.number_of(4));
    Fd other = fd;
    add_fd(e, first, std::move(fd), TextRef());
    // The event's file is the first; its number, as libsinsp has it, the second.
    const FdRef mine = e.fd;
    FdTable *table = e.table;
    add_fd(e, second, std::move(other), TextRef());
    e.fd = mine;
    e.table = table;
    e.number = first;
}

// The addresses of traffic: false when the tuple says nothing new.
bool Engine::update_tuple(Event &, Fd &fd, const Packed &tuple) {
    if(!valid_tuple(tuple)) return false;
    if(tuple.family() == AF_INET_) {
        if(fd.type == FD_IPV4_SERVER) fd.socket.v4.l4proto = fd.socket.v4_server.l4proto;
        fd.type = FD_IPV4;
        if(!set_v4(fd, ends_v4(tuple))) return false;
    } else if(tuple.family() == AF_INET6_) {
        if(mapped(tuple)) {
            fd.type = FD_IPV4;
            if(!set_v4(fd, ends_mapped(tuple))) return false;
        } else if(!set_v6(fd, tuple.at(1), tuple.number<uint16_t>(17), tuple.at(19),
                          tuple.number<uint16_t>(35))) {
            return false;
        }
    } else if(tuple.family() == AF_UNIX_) {
        fd.type = FD_UNIX;
        set_unix(fd, tuple);
        return true;
    }
    // TCP would not change its addresses on the way.
    if(fd.type == FD_IPV4 && fd.socket.v4.l4proto == L4_UNKNOWN) fd.socket.v4.l4proto = L4_UDP;
    if(fd.type == FD_IPV6 && fd.socket.v6.l4proto == L4_UNKNOWN) fd.socket.v6.l4proto = L4_UDP;
    complete(fd);
    return true;
}

// An address that is missing becomes the one of the interface it must have been.
void Engine::complete(Fd &fd) const {
    if(fd.type == FD_IPV4) {
        auto &s = fd.socket.v4;
        if(s.sip && s.dip) return;
        uint32_t &missing = s.sip == 0 ? s.sip : s.dip;
        const uint32_t known = s.sip == 0 ? s.dip : s.sip;
        const Interface4 *found = nullptr;
        const auto take = [&](auto &&fits) {
            if(found) return;
            for(const Interface4 &at : interfaces4_) {
                if(fits(at)) {
                    found = &at;
                    return;
                }
            }
        };
        take([&](const Interface4 &at) { return at.address == known; });
        take([&](const Interface4 &at) {
            return (at.address & at.netmask) == (known & at.netmask);
        });
        take([](const Interface4 &at) { return at.address != LOOPBACK; });
        const uint32_t address = found ? found->address : 0;
        if(address == known && s.sport == s.dport) return;
        missing = address;
        return;
    }
    if(fd.type != FD_IPV6) return;
    constexpr uint8_t none[16] = {};
    constexpr uint8_t loopback[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    auto &s = fd.socket.v6;
    const bool no_source = !std::memcmp(s.sip, none, 16), no_dest = !std::memcmp(s.dip, none, 16);
    if(!no_source && !no_dest) return;
    uint8_t *missing = no_source ? s.sip : s.dip;
    const uint8_t *known = no_source ? s.dip : s.sip;
    const uint8_t *found = nullptr;
    const auto take = [&](auto &&fits) {
        if(found) return;
        for(const Interface6 &at : interfaces6_) {
            if(fits(at.address.data())) {
                found = at.address.data();
                return;
            }
        }
    };
    take([&](const uint8_t *at) { return !std::memcmp(at, known, 16); });
    take([&](const uint8_t *at) { return !std::memcmp(at, known, 8); });
    take([&](const uint8_t *at) { return std::memcmp(at, loopback, 16) != 0; });
    if(!found) found = none;
    if(!std::memcmp(found, known, 16) && s.sport == s.dport) return;
    std::memcpy(missing, found, 16);
}

// Who owns the port is the server. As libsinsp, the ports are read where an IPv4 socket has them.
void Engine::guess_role(Thread *thread, Fd &fd, bool incoming) {
    const FdTable *table = thread->fd_table();
    bool bound = false, uses = false;
    const uint16_t dport = fd.socket.v4.dport, sport = fd.socket.v4.sport;
    if(table) {
        table->each([&](int64_t, const FdState &other) {
            if(other.type == FD_IPV4) {
                bound |= other.socket.v4.dport == dport;
                uses |= other.socket.v4.sport == sport;
            } else if(other.type == FD_IPV4_SERVER) {
                bound |= other.socket.v4_server.port == dport;
            }
            return true;
        });
        // The file itself is in the table too, as it is by now.
        if(fd.type == FD_IPV4) bound = uses = true;
    }
    if(!bound) fd.flags |= FD_ROLE_CLIENT;
    else if(!uses || incoming) fd.flags |= FD_ROLE_SERVER;
    else fd.flags |= FD_ROLE_CLIENT;
}

void Engine::read_exit(Event &e) {
    if(!e.thread || !e.fd || !e.succeeded()) return;
    const bool net = e.fd->is_net();
    const int8_t at = e.type->option;  // the tuple, for those that have one
    const bool tuple_counts = at >= 0 && (e.fd->name.empty() || !e.fd->is_tcp());
    if(!net && !tuple_counts) return;
    if(net && (e.fd->flags & (FD_CONNECTED | FD_PENDING | FD_FAILED)) == FD_CONNECTED &&
       !tuple_counts) {
        return;
    }
    Fd fd = *e.fd.get();
    if(net) fd.set_connected();
    if(tuple_counts) {
        const Packed tuple{e.bytes(at)};
        if(update_tuple(e, fd, tuple)) {
            if(fd.is_net()) {
                if(fd.no_role()) guess_role(e.thread, fd, true);
                if(fd.client()) swap_ends(fd);
                fd.name = texts.hold(socket_name(fd));
            } else {
                fd.name = texts.hold(tuple_text(tuple));
            }
        }
    }
    change_fd(e, std::move(fd));
}

void Engine::write_exit(Event &e) {
    if(!e.thread) return;
    const int8_t at = e.type->option;
    // A socket nobody told of: it sends, so it is taken for UDP. sendmmsg does not tell enough.
    if(!e.fd && at >= 0 && e.type->argument == 1 && e.succeeded()) {
        const Packed tuple{e.bytes(at)};
        if(!tuple.empty() && (tuple.family() == AF_INET_ || tuple.family() == AF_INET6_)) {
            add_socket(e, e.number_of(2), tuple.family(), DATAGRAM, UDP, 0);
        }
    }
    if(!e.fd || !e.succeeded()) return;
    const bool net = e.fd->is_net();
    const bool tuple_counts = at >= 0 && (e.fd->name.empty() || !e.fd->is_tcp());
    if(!net && !tuple_counts) return;
    if(net && (e.fd->flags & (FD_CONNECTED | FD_PENDING | FD_FAILED)) == FD_CONNECTED &&
       !tuple_counts) {
        return;
    }
    Fd fd = *e.fd.get();
    if(net) fd.set_connected();
    if(tuple_counts) {
        const Packed tuple{e.bytes(at)};
        if(update_tuple(e, fd, tuple)) {
            if(fd.is_net()) {
                if(fd.no_role()) guess_role(e.thread, fd, false);
                if(fd.server()) swap_ends(fd);
                fd.name = texts.hold(socket_name(fd));
            } else {
                fd.name = texts.hold(tuple_text(tuple));
            }
        }
    }
    change_fd(e, std::move(fd));
}

}  // namespace state
