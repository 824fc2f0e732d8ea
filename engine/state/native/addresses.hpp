// The two ends of a socket.
#pragma once

#include "fd.hpp"
#include "format.hpp"

namespace state {

struct Ends4 {
    uint32_t sip, dip;
    uint16_t sport, dport;
};

// Takes the addresses; false when they are known already, in either direction.
bool set_v4(Fd &fd, const Ends4 &to);
bool set_v6(Fd &fd, const uint8_t *sip, uint16_t sport, const uint8_t *dip, uint16_t dport);
void swap_ends(Fd &fd);

Ends4 ends_v4(const Packed &tuple);
// An IPv6 tuple of IPv4 addresses.
Ends4 ends_mapped(const Packed &tuple);
bool mapped(const Packed &tuple);
void set_unix(Fd &fd, const Packed &tuple);

}  // namespace state
