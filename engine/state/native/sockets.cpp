// Sockets: libsinsp's parsers of the same names.
#include <cstring>

#include "addresses.hpp"
#include "engine.hpp"

namespace state {

namespace {

constexpr uint32_t TCP = 6, UDP = 17, ICMP = 1, RAW = 255, IP = 0;
constexpr uint32_t STREAM = 1, DATAGRAM = 2, RAW_SOCKET = 3;

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
bool Engine::update_tuple(Fd &fd, const Packed &tuple) {
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

// What traffic tells: that the socket is connected, and, of others than TCP, between whom.
void Engine::traffic_exit(Event &e) {
    if(!e.thread) return;
    const bool incoming = e.type->action == STATE_READ;
    const int8_t at = e.type->option;  // the tuple, for those that have one
    // A socket nobody told of: it sends, so it is taken for UDP.
    if(!incoming && !e.fd && at >= 0 && e.type->argument == 1 && e.succeeded()) {
        const Packed tuple{e.bytes(at)};
        if(!tuple.empty() && (tuple.family() == AF_INET_ || tuple.family() == AF_INET6_)) {
            add_socket(e, e.number_of(2), tuple.family(), DATAGRAM, UDP, 0);
        }
    }
    if(!e.fd || !e.succeeded()) return;
    const bool net = e.fd->is_net();
    const bool tuple_counts = at >= 0 && (e.fd->name.empty() || !e.fd->is_tcp());
    const uint32_t status = e.fd->flags & (FD_CONNECTED | FD_PENDING | FD_FAILED);
    if(!tuple_counts && (!net || status == FD_CONNECTED)) return;
    Fd fd = *e.fd.get();
    if(net) fd.set_connected();
    const Packed tuple{tuple_counts ? e.bytes(at) : std::string_view{}};
    if(tuple_counts && update_tuple(fd, tuple)) {
        if(fd.is_net()) {
            if(fd.no_role()) guess_role(e.thread, fd, incoming);
            // What comes in goes from the server to a client, what goes out the other way.
            if(incoming ? fd.client() : fd.server()) swap_ends(fd);
            fd.name = texts.hold(socket_name(fd));
        } else {
            fd.name = texts.hold(tuple_text(tuple));
        }
    }
    change_fd(e, std::move(fd));
}

}  // namespace state
