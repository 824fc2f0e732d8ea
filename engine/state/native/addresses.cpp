// Addresses of sockets, and what is known of those that are missing: libsinsp's parsers.cpp,
// ifinfo.cpp and fdinfo.cpp.
#include "addresses.hpp"

#include <algorithm>
#include <cstring>

#include "engine.hpp"

namespace state {

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

// An address that is missing becomes the one of the interface it must have been.
void Engine::complete(Fd &fd) const {
    constexpr uint32_t LOOPBACK_4 = 0x0100007f;  // 127.0.0.1, as the bytes lie
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
        take([](const Interface4 &at) { return at.address != LOOPBACK_4; });
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

}  // namespace state
