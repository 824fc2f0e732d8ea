// Socket addresses and connections in the form events have them: the family, then addresses and
// ports (ports in the machine's order), or of unix sockets both ends and a path.
#include "values.hpp"

#include <cerrno>
#include <sys/socket.h>

namespace probe {

namespace {

using Bytes = std::vector<uint8_t>;

void put(Bytes &to, const void *data, size_t size) {
    const auto *at = static_cast<const uint8_t *>(data);
    to.insert(to.end(), at, at + size);
}

// Of network order.
void put_port(Bytes &to, uint16_t port) {
    to.push_back(static_cast<uint8_t>(port >> 8));
    to.push_back(static_cast<uint8_t>(port));
}

void put_path(Bytes &to, const uint8_t *path, size_t size) {
    // In the abstract name space a path begins with a NUL that events leave out.
    if(size && path[0] == 0) {
        path++;
        size--;
    }
    size_t length = strnlen(reinterpret_cast<const char *>(path), size);
    if(length > 108) length = 108;
    put(to, path, length);
    to.push_back(0);
}

Value made(const Bytes &room) {
    return bytes({room.data(), static_cast<uint32_t>(room.size())});
}

Value sockaddr(Call &call, const probe_source *sources) {
    const Slice given = call.piece(sources[0]);
    if(given.size < 2) return empty();
    const auto family = load<uint16_t>(given.data);
    Bytes &room = call.room();
    room.push_back(static_cast<uint8_t>(family));
    if(family == AF_INET && given.size >= 8) {
        put(room, given.data + 4, 4);
        put_port(room, load<uint16_t>(given.data + 2));
    } else if(family == AF_INET6 && given.size >= 24) {
        put(room, given.data + 8, 16);
        put_port(room, load<uint16_t>(given.data + 2));
    } else if(family == AF_UNIX) {
        put_path(room, given.data + 2, given.size - 2);
    } else {
        return empty();
    }
    return made(room);
}

enum Direction { kIn, kOut };

// "other" is the address that the program gave, for sockets that are not connected.
Value tuple(Call &call, const probe_source *sources, Direction direction) {
    const Slice found = call.piece(sources[0]);
    const Slice other = call.piece(sources[1]);
    probe_socket socket;
    if(!call.as(sources[0], socket)) return empty();
    Bytes &room = call.room();
    room.push_back(static_cast<uint8_t>(socket.family));
    const size_t width = socket.family == AF_INET ? 4 : 16;
    if(socket.family == AF_INET || socket.family == AF_INET6) {
        if(socket.remote_port == 0) {
            const size_t start = width == 4 ? 4 : 8;
            if(other.size >= start + width) {
                std::memcpy(socket.remote, other.data + start, width);
                socket.remote_port = load<uint16_t>(other.data + 2);
            }
        }
        const uint8_t *from = direction == kOut ? socket.local : socket.remote;
        const uint8_t *to = direction == kOut ? socket.remote : socket.local;
        put(room, from, width);
        put_port(room, direction == kOut ? socket.local_port : socket.remote_port);
        put(room, to, width);
        put_port(room, direction == kOut ? socket.remote_port : socket.local_port);
    } else if(socket.family == AF_UNIX) {
        put(room, direction == kOut ? &socket.peer : &socket.self, 8);
        put(room, direction == kOut ? &socket.self : &socket.peer, 8);
        if(direction == kOut && socket.peer == 0 && other.size > 2) {
            put_path(room, other.data + 2, other.size - 2);
        } else {
            put_path(room, found.data + sizeof socket, found.size - sizeof socket);
        }
    } else {
        return empty();
    }
    return made(room);
}

Value tuple_connect(Call &call, const probe_source *sources) {
    if(call.result() != 0 && call.result() != -EINPROGRESS) return empty();
    return tuple(call, sources, kOut);
}

// Percent of the queue of waiting connections in use, how many wait, how many may.
Value queue(Call &call, const probe_source *sources) {
    const Slice found = call.piece(sources[0]);
    if(call.result() < 0 || found.size < 8) return number(0);
    const auto length = load<uint32_t>(found.data), most = load<uint32_t>(found.data + 4);
    switch(call.number(sources[1])) {
    case 0:
        return number(length && most ? static_cast<int64_t>(uint64_t{length} * 100 / most) : 0);
    case 1:
        return number(length);
    default:
        return number(most);
    }
}

Value end_of_pair(Call &call, const probe_source *sources, bool peer) {
    probe_socket socket;
    if(!call.as(sources[0], socket)) return number(0);
    return number(static_cast<int64_t>(peer ? socket.peer : socket.self));
}

}  // namespace

const Function kSocketFunctions[] = {
    {"sockaddr", sockaddr},
    {"tuple_in",
     [](Call &call, const probe_source *sources) { return tuple(call, sources, kIn); }},
    {"tuple_out",
     [](Call &call, const probe_source *sources) { return tuple(call, sources, kOut); }},
    {"tuple_connect", tuple_connect},
    {"queue", queue},
    {"pair_self",
     [](Call &call, const probe_source *sources) { return end_of_pair(call, sources, false); }},
    {"pair_peer",
     [](Call &call, const probe_source *sources) { return end_of_pair(call, sources, true); }},
    // The size of a message, or nothing where its header could not be read.
    {"msg_size",
     [](Call &call, const probe_source *sources) {
         const Slice header = call.piece(sources[0]), iov = call.piece(sources[1]);
         if(!header.data) return empty();
         return number(iov.size >= 4 ? load<uint32_t>(iov.data) : 0);
     }},
    {"mmsg_size",
     [](Call &call, const probe_source *sources) {
         const Slice iov = call.piece(sources[0]);
         return number(iov.size >= 4 ? load<uint32_t>(iov.data) : 0);
     }},
    {nullptr, nullptr},
};

}  // namespace probe
