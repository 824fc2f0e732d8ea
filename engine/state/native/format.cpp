#include "format.hpp"

#include <arpa/inet.h>

#include <cinttypes>
#include <cstdio>

namespace state {

namespace {

constexpr size_t MAX_PATH = 1024;

std::string dotted(const uint8_t *ip) {
    char text[16];
    std::snprintf(text, sizeof text, "%u.%u.%u.%u", ip[0], ip[1], ip[2], ip[3]);
    return text;
}

std::string colons(const uint8_t *ip) {
    char text[INET6_ADDRSTRLEN];
    return inet_ntop(AF_INET6, ip, text, sizeof text) ? text : "";
}

// Takes the last part off; what remains ends with a slash or is at most one byte.
void up(std::string &path) {
    if(path.size() <= 1) return;
    path.pop_back();
    while(!path.empty() && path.back() != '/') path.pop_back();
}

// Most paths are absolute and need nothing done.
bool clean(std::string_view path) {
    if(path.size() < 2 || path[0] != '/' || path.back() == '/') return false;
    for(size_t at = 0; at + 1 < path.size(); ++at) {
        if(path[at] == '/' && (path[at + 1] == '/' || path[at + 1] == '.')) return false;
    }
    return true;
}

}  // namespace

std::string join_paths(std::string_view directory, std::string_view path) {
    if(directory.size() + path.size() + 1 > MAX_PATH) return "/DIR_TOO_LONG/FILENAME_TOO_LONG";
    path = path.substr(0, path.find('\0'));
    if(clean(path)) return std::string(path);
    std::string out;
    out.reserve(directory.size() + path.size());
    if(!path.empty() && path[0] != '/') out = directory;
    const bool bare = out.empty();
    for(size_t at = 0; at < path.size();) {
        const auto rest = path.substr(at, 3);
        if(path[at] == '.' && (out.empty() || out.back() == '/')) {
            if(rest == "../" || rest == "..") {
                up(out);
                at += rest.size();
            } else if(rest.substr(0, 2) == "./" || rest == ".") {
                at += std::min<size_t>(2, rest.size());
            } else {
                out.push_back(path[at++]);
            }
        } else if(path[at] == '/') {
            const bool again = !out.empty() && out.back() == '/';
            if(!again && !(out.empty() && !bare)) out.push_back('/');
            ++at;
        } else {
            out.push_back(path[at++]);
        }
    }
    if(out.size() > 1 && out.back() == '/') out.pop_back();
    return out;
}

bool is_mapped_ipv4(const uint8_t *ip) {
    for(int i = 0; i < 10; ++i) {
        if(ip[i]) return false;
    }
    if(ip[10] == 0xff && ip[11] == 0xff) return true;
    for(int i = 10; i < 16; ++i) {
        if(ip[i]) return false;
    }
    return true;
}

std::string server_name_v4(const uint8_t *ip, uint16_t port) {
    return dotted(ip) + ":" + std::to_string(port);
}

std::string server_name_v6(const uint8_t *ip, uint16_t port) {
    return colons(ip) + ":" + std::to_string(port);
}

std::string pair_name_v4(const void *sip, uint16_t sport, const void *dip, uint16_t dport) {
    return server_name_v4(static_cast<const uint8_t *>(sip), sport) + "->" +
           server_name_v4(static_cast<const uint8_t *>(dip), dport);
}

std::string pair_name_v6(const uint8_t *sip, uint16_t sport, const uint8_t *dip, uint16_t dport) {
    return server_name_v6(sip, sport) + "->" + server_name_v6(dip, dport);
}

std::string socket_name(const Fd &fd) {
    if(fd.type == FD_IPV4) {
        const auto &s = fd.socket.v4;
        const auto *sip = reinterpret_cast<const uint8_t *>(&s.sip);
        const auto *dip = reinterpret_cast<const uint8_t *>(&s.dip);
        if(s.l4proto == L4_TCP || s.l4proto == L4_UDP) {
            return pair_name_v4(sip, s.sport, dip, s.dport);
        }
        if(s.l4proto == L4_ICMP || s.l4proto == L4_RAW) return dotted(sip) + "->" + dotted(dip);
        return "<unknown>";
    }
    const auto &s = fd.socket.v6;
    const bool mapped = is_mapped_ipv4(s.sip) && is_mapped_ipv4(s.dip);
    if(s.l4proto == L4_TCP || s.l4proto == L4_UDP) {
        if(mapped) {
            // libsinsp reads the ports where an IPv4 socket has them.
            return pair_name_v4(s.sip + 12, fd.socket.v4.sport, s.dip + 12, fd.socket.v4.dport);
        }
        return pair_name_v6(s.sip, s.sport, s.dip, s.dport);
    }
    if(s.l4proto == L4_ICMP) {
        if(mapped) return dotted(s.sip + 12) + "->" + dotted(s.dip + 12);
        return colons(s.sip) + "->" + colons(s.dip);
    }
    return "<unknown>";
}

std::string unix_name(uint64_t source, uint64_t destination, std::string_view path) {
    char text[48];
    const int n =
        std::snprintf(text, sizeof text, "%" PRIx64 "->%" PRIx64 " ", source, destination);
    return std::string(text, n) + std::string(path);
}

bool valid_address(const Packed &address) {
    if(address.empty()) return false;
    switch(address.family()) {
    case AF_INET_: return address.bytes.size() >= 7;
    case AF_INET6_: return address.bytes.size() >= 19;
    case AF_UNIX_: return address.bytes.size() >= 2 && address.bytes.back() == '\0';
    default: return true;
    }
}

bool valid_tuple(const Packed &tuple) {
    if(tuple.empty()) return false;
    switch(tuple.family()) {
    case AF_INET_: return tuple.bytes.size() >= 13;
    case AF_INET6_: return tuple.bytes.size() >= 37;
    case AF_UNIX_: return tuple.bytes.size() >= 18 && tuple.bytes.back() == '\0';
    default: return true;
    }
}

std::string address_text(const Packed &address) {
    if(!valid_address(address)) return "<NA>";
    switch(address.family()) {
    case AF_UNIX_: return std::string(address.path(1));
    case AF_INET_: return server_name_v4(address.at(1), address.number<uint16_t>(5));
    case AF_INET6_: return server_name_v6(address.at(1), address.number<uint16_t>(17));
    default: return "family " + std::to_string(address.family());
    }
}

std::string tuple_text(const Packed &t) {
    if(!valid_tuple(t)) return "NULL";
    switch(t.family()) {
    case AF_UNIX_: return unix_name(t.number<uint64_t>(1), t.number<uint64_t>(9), t.path(17));
    case AF_INET_:
        return pair_name_v4(t.at(1), t.number<uint16_t>(5), t.at(7), t.number<uint16_t>(11));
    case AF_INET6_:
        if(is_mapped_ipv4(t.at(1)) && is_mapped_ipv4(t.at(19))) {
            return pair_name_v4(t.at(13), t.number<uint16_t>(17), t.at(31),
                                t.number<uint16_t>(35));
        }
        return pair_name_v6(t.at(1), t.number<uint16_t>(17), t.at(19), t.number<uint16_t>(35));
    default: return "family " + std::to_string(t.family());
    }
}

}  // namespace state
