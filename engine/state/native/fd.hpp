// Files: a state of a file never changes; a change puts another in its place.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <vector>

#include "constants.hpp"
#include "flat_map.hpp"
#include "text.hpp"

namespace state {

// The addresses of a socket overlap as they do in libsinsp (tuples.h): what one kind of socket
// leaves behind is read by the next, and Falco shows it.
union SocketInfo {
    struct {
        uint32_t sip, dip;
        uint16_t sport, dport;
        uint8_t l4proto;
    } v4;
    struct {
        uint8_t sip[16], dip[16];
        uint16_t sport, dport;
        uint8_t l4proto;
    } v6;
    struct {
        uint32_t ip;
        uint16_t port;
        uint8_t l4proto;
    } v4_server;
    struct {
        uint8_t ip[16];
        uint16_t port;
        uint8_t l4proto;
    } v6_server;
    struct {
        uint64_t source, destination;
    } unix_;
    uint8_t all[40];
};
static_assert(sizeof(SocketInfo) == 40, "unexpected layout of socket addresses");

struct Fd {
    FdType type = FD_UNSET;
    uint32_t open_flags = 0;
    uint32_t flags = 0;
    uint32_t dev = 0;
    uint64_t ino = 0;
    int64_t pid = 0;  // of a pidfd
    SocketInfo socket;
    TextRef name, name_raw;

    Fd() { std::memset(&socket, 0, sizeof socket); }

    bool same(const Fd &other) const {
        return type == other.type && open_flags == other.open_flags && flags == other.flags &&
               dev == other.dev && ino == other.ino && pid == other.pid && name == other.name &&
               name_raw == other.name_raw &&
               std::memcmp(&socket, &other.socket, sizeof socket) == 0;
    }

    bool is_file() const { return type == FD_FILE || type == FD_FILE_V2; }
    bool is_net() const { return type == FD_IPV4 || type == FD_IPV6; }
    bool is_udp() const { return type == FD_IPV4 && socket.v4.l4proto == L4_UDP; }
    bool is_tcp() const { return type == FD_IPV4 && socket.v4.l4proto == L4_TCP; }
    bool no_role() const { return !(flags & (FD_ROLE_CLIENT | FD_ROLE_SERVER)); }
    bool client() const { return flags & FD_ROLE_CLIENT; }
    bool server() const { return flags & FD_ROLE_SERVER; }
    void set_connected() { flags = (flags & ~(FD_PENDING | FD_FAILED)) | FD_CONNECTED; }
    bool close_on_exec() const {
        if(open_flags & O_CLOEXEC_) return true;
        if(type == FD_EVENTPOLL && (open_flags & EPOLL_CLOEXEC_)) return true;
        return type == FD_MEMFD && (open_flags & MFD_CLOEXEC_);
    }
    void keep_on_exec() { open_flags &= ~(O_CLOEXEC_ | EPOLL_CLOEXEC_ | MFD_CLOEXEC_); }

    // The protocol as Falco tells it: none before the role is known, unless raw.
    uint8_t l4proto() const {
        switch(type) {
        case FD_IPV4:
            return socket.v4.l4proto == L4_RAW || !no_role() ? socket.v4.l4proto : +L4_NA;
        case FD_IPV6:
            return socket.v6.l4proto == L4_RAW || !no_role() ? socket.v6.l4proto : +L4_NA;
        case FD_IPV4_SERVER: return socket.v4_server.l4proto;
        case FD_IPV6_SERVER: return socket.v6_server.l4proto;
        default: return L4_NA;
        }
    }
};

struct FdState : Fd {
    uint32_t refs = 0;
    uint64_t serial = 0, from_num = 0;
    int64_t tid = -1, number = -1;  // who had it first, as which number
    uint64_t batch = 0;             // in whose rows it stands at `row`
    int32_t row = -1;
    uint64_t *live = nullptr;       // counter of states held
};

class FdRef {
public:
    FdRef() = default;
    explicit FdRef(FdState *fd) : fd_(fd) {
        if(fd_) ++fd_->refs;
    }
    FdRef(const FdRef &other) : FdRef(other.fd_) {}
    FdRef(FdRef &&other) noexcept : fd_(std::exchange(other.fd_, nullptr)) {}
    FdRef &operator=(FdRef other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~FdRef() {
        if(fd_ && --fd_->refs == 0) {
            --*fd_->live;
            delete fd_;
        }
    }
    FdState *get() const { return fd_; }
    FdState *operator->() const { return fd_; }
    explicit operator bool() const { return fd_; }

private:
    FdState *fd_ = nullptr;
};

class FdTable {
public:
    explicit FdTable(uint64_t seed) : high_(seed) {}

    FdState *find(int64_t fd) const {
        if(fd >= 0 && fd < static_cast<int64_t>(low_.size())) return low_[fd].get();
        if(fd >= 0 && fd < LOW) return nullptr;
        const FdRef *known = high_.find(fd);
        return known ? known->get() : nullptr;
    }

    // False when there is no room for one more.
    bool set(int64_t fd, FdRef state, uint32_t limit) {
        FdRef &slot = slot_of(fd, limit);
        if(!slot && count_ >= limit) {
            if(fd < 0 || fd >= LOW) high_.erase(fd);
            return false;
        }
        if(slot) forget(slot->type);
        else ++count_;
        note(state->type);
        slot = std::move(state);
        if(fd >= 0 && fd <= 2) ++stdio_;
        return true;
    }

    bool erase(int64_t fd) {
        FdState *known = find(fd);
        if(!known) return false;
        forget(known->type);
        --count_;
        if(fd >= 0 && fd < LOW) low_[fd] = FdRef();
        else high_.erase(fd);
        if(fd >= 0 && fd <= 2) ++stdio_;
        return true;
    }

    // Visits (number, state) until the visitor returns false.
    template <class F> void each(F &&visit) const {
        for(size_t fd = 0; fd < low_.size(); ++fd) {
            if(low_[fd] && !visit(static_cast<int64_t>(fd), *low_[fd].get())) return;
        }
        bool on = true;
        high_.each([&](int64_t fd, const FdRef &state) {
            if(on && state) on = visit(fd, *state.get());
        });
    }

    void clear() {
        low_.clear();
        high_.clear();
        count_ = types_ = 0;
        of_type_.fill(0);
        ++stdio_;
    }
    void copy(const FdTable &from) {
        low_ = from.low_;
        high_ = from.high_;
        count_ = from.count_;
        types_ = from.types_;
        of_type_ = from.of_type_;
        ++stdio_;
    }

    uint32_t count() const { return count_; }
    // A bit for each type of file in the table; the last bit for files of no type.
    uint32_t types() const { return types_; }
    uint64_t stdio() const { return stdio_; }

private:
    static constexpr int64_t LOW = 1024;

    FdRef &slot_of(int64_t fd, uint32_t) {
        if(fd < 0 || fd >= LOW) return high_.at(fd);
        if(fd >= static_cast<int64_t>(low_.size())) {
            low_.resize(std::min<int64_t>(LOW, (fd / 16 + 1) * 16));
        }
        return low_[fd];
    }
    static size_t place(FdType type) { return type < 0 ? 31 : type; }
    void note(FdType type) {
        if(of_type_[place(type)]++ == 0) types_ |= 1u << place(type);
    }
    void forget(FdType type) {
        if(--of_type_[place(type)] == 0) types_ &= ~(1u << place(type));
    }

    std::vector<FdRef> low_;
    FlatMap<FdRef> high_;
    uint32_t count_ = 0, types_ = 0;
    std::array<uint16_t, 32> of_type_{};
    uint64_t stdio_ = 0;  // rises when one of the first three changes
};

}  // namespace state
