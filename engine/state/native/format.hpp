// Names of files and sockets, paths, cgroups: texts as libsinsp makes them.
#pragma once

#include <string>
#include <string_view>

#include "fd.hpp"

namespace state {

// As engine/paths.py; see there.
std::string join_paths(std::string_view directory, std::string_view path);

bool is_mapped_ipv4(const uint8_t *ip);
std::string server_name_v4(const uint8_t *ip, uint16_t port);
std::string server_name_v6(const uint8_t *ip, uint16_t port);
std::string pair_name_v4(const void *sip, uint16_t sport, const void *dip, uint16_t dport);
std::string pair_name_v6(const uint8_t *sip, uint16_t sport, const uint8_t *dip, uint16_t dport);
// The name of a connected or addressed socket, from its addresses; empty for other files.
std::string socket_name(const Fd &fd);
std::string unix_name(uint64_t source, uint64_t destination, std::string_view path);

// A sockaddr or tuple parameter as the driver packs it; valid() is false for a cut one.
struct Packed {
    std::string_view bytes;
    bool empty() const { return bytes.empty(); }
    uint8_t family() const { return static_cast<uint8_t>(bytes[0]); }
    const uint8_t *at(size_t place) const {
        return reinterpret_cast<const uint8_t *>(bytes.data()) + place;
    }
    template <class T> T number(size_t place) const {
        T value;
        std::memcpy(&value, bytes.data() + place, sizeof value);
        return value;
    }
    // A path that ends the parameter, up to its NUL.
    std::string_view path(size_t place) const {
        auto rest = bytes.substr(place);
        return rest.substr(0, rest.find('\0'));
    }
};
bool valid_address(const Packed &address);
bool valid_tuple(const Packed &tuple);
std::string address_text(const Packed &address);
std::string tuple_text(const Packed &tuple);

// The cgroups of a thread with their subsystems named as libsinsp names them. False: leave them.
bool normal_cgroups(std::string_view cgroups, std::string &to);

enum Runtime : int32_t { RUNTIME_NONE = -1, RUNTIME_LXC = -2, RUNTIME_LIBVIRT = -3,
                         RUNTIME_BPM = -4 };
// The id of the container that these cgroups belong to, empty for none, and the runtime where the
// name alone tells it.
std::string container_of(std::string_view cgroups, Runtime &runtime);

}  // namespace state
