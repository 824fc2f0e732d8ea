// Numbers of the kernel and of libs (driver/ppm_events_public.h, userspace/libscap/scap.h).
#pragma once

#include <cstdint>

namespace state {

enum FdType : int8_t {
    FD_UNSET = -1, FD_UNKNOWN, FD_FILE, FD_DIRECTORY, FD_IPV4, FD_IPV6, FD_IPV4_SERVER,
    FD_IPV6_SERVER, FD_FIFO, FD_UNIX, FD_EVENT, FD_UNSUPPORTED, FD_SIGNALFD, FD_EVENTPOLL,
    FD_INOTIFY, FD_TIMERFD, FD_NETLINK, FD_FILE_V2, FD_BPF, FD_USERFAULTFD, FD_IO_URING, FD_MEMFD,
    FD_PIDFD, FD_TYPES
};

enum : uint8_t { L4_UNKNOWN, L4_NA, L4_TCP, L4_UDP, L4_ICMP, L4_RAW };

// Flags of a file in libsinsp/fdinfo.h, of those that say something.
enum : uint32_t {
    FD_FROM_START = 1u << 0, FD_ROLE_CLIENT = 1u << 2, FD_ROLE_SERVER = 1u << 3,
    FD_CONNECTED = 1u << 13, FD_PENDING = 1u << 15, FD_FAILED = 1u << 16,
    FD_OVERLAY_UPPER = 1u << 17, FD_OVERLAY_LOWER = 1u << 18
};

enum : uint32_t {
    O_DIRECTORY_ = 1u << 10, O_CLOEXEC_ = 1u << 12, O_CREATED_ = 1u << 14,
    O_UPPER_LAYER = 1u << 15, O_LOWER_LAYER = 1u << 16, CREAT_UPPER_LAYER = 1,
    CREAT_LOWER_LAYER = 2,
    EPOLL_CLOEXEC_ = 1, MFD_CLOEXEC_ = 1, CLOSE_RANGE_CLOEXEC_ = 4
};

enum : uint32_t {
    CL_FILES = 1u << 0, CL_NEWPID = 1u << 6, CL_PARENT = 1u << 8, CL_THREAD = 1u << 13,
    CL_INVERTED = 1u << 16, CL_NAME_CHANGED = 1u << 17, CL_CLOSED = 1u << 18,
    CL_ACTIVE = 1u << 19, CL_NEWUSER = 1u << 20, CL_PIPE_SRC = 1u << 21, CL_PIPE_DST = 1u << 22,
    CL_VFORK = 1u << 27, CL_IN_PIDNS = 1u << 29, CL_MAIN_THREAD = 1u << 30
};

enum : uint32_t { EXE_WRITABLE = 1, EXE_UPPER_LAYER = 2, EXE_FROM_MEMFD = 4, EXE_LOWER_LAYER = 8 };

enum : uint8_t { F_DUPFD_ = 1, F_SETFD_ = 3, F_DUPFD_CLOEXEC_ = 26, RLIMIT_NOFILE_ = 7 };
enum : uint32_t { PR_SET_SUBREAPER = 36, PR_GET_SUBREAPER = 37 };
enum : uint8_t { AF_UNIX_ = 1, AF_INET_ = 2, AF_INET6_ = 10, AF_NETLINK_ = 16 };

constexpr int64_t AT_FDCWD_ = -100;
constexpr int64_t EINPROGRESS_ = 115;
constexpr uint32_t AT_EMPTY_PATH_ = 1;
constexpr uint64_t ALL_CAPABILITIES = (uint64_t{1} << 41) - 1;
constexpr uint64_t CLONE_STALE_NS = 2'000'000'000;

}  // namespace state
