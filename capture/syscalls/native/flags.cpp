// Flags of system calls as events have them. Values from driver/ppm_events_public.h and
// ppm_flag_helpers.h of falcosecurity/libs, event schema 4.5.1; the kernel's from its UAPI headers.
#include "values.hpp"

#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/io_uring.h>
#include <linux/memfd.h>
#include <linux/module.h>
#include <linux/openat2.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/sem.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

namespace probe {

namespace {

struct Bit {
    uint64_t from;
    uint32_t to;
};

// Each bit on its own. As upstream, a flag of several bits counts when any of them is set.
template <size_t N> Value bits(Call &call, const probe_source *sources, const Bit (&table)[N]) {
    const auto given = static_cast<uint64_t>(call.number(sources[0]));
    uint32_t out = 0;
    for(const Bit &bit : table)
        if(given & bit.from) out |= bit.to;
    return number(out);
}

// Those of a call whose negative value means none.
template <size_t N>
Value bits_of_positive(Call &call, const probe_source *sources, const Bit (&table)[N]) {
    if(static_cast<int32_t>(call.number(sources[0])) < 0) return number(0);
    return bits(call, sources, table);
}

constexpr Bit kNonblockCloexec[] = {{O_NONBLOCK, 1 << 6}, {O_CLOEXEC, 1 << 12}};
constexpr Bit kCloexec[] = {{O_CLOEXEC, 1 << 12}};
constexpr Bit kPipe[] = {{O_CLOEXEC, 1 << 12}, {O_DIRECT, 1 << 9}, {O_NONBLOCK, 1 << 6}};
constexpr Bit kResolve[] = {{RESOLVE_BENEATH, 1 << 0},      {RESOLVE_IN_ROOT, 1 << 1},
                            {RESOLVE_NO_MAGICLINKS, 1 << 2}, {RESOLVE_NO_SYMLINKS, 1 << 3},
                            {RESOLVE_NO_XDEV, 1 << 4},      {0x20 /* RESOLVE_CACHED */, 1 << 5}};
// Third: IORING_SQ_NEED_WAKEUP, which shares the first one's bit.
constexpr Bit kIoUringSetup[] = {{IORING_SETUP_IOPOLL, 1 << 0},    {IORING_SETUP_SQPOLL, 1 << 1},
                                 {IORING_SQ_NEED_WAKEUP, 1 << 2},  {IORING_SETUP_SQ_AFF, 1 << 3},
                                 {IORING_SETUP_CQSIZE, 1 << 4},    {IORING_SETUP_CLAMP, 1 << 5},
                                 {IORING_SETUP_ATTACH_WQ, 1 << 6}, {IORING_SETUP_R_DISABLED, 1 << 7}};
constexpr Bit kIoUringFeatures[] = {
    {1 << 0, 1 << 0}, {1 << 1, 1 << 1}, {1 << 2, 1 << 2}, {1 << 3, 1 << 3}, {1 << 4, 1 << 4},
    {1 << 5, 1 << 5}, {1 << 6, 1 << 6}, {1 << 7, 1 << 7}, {1 << 8, 1 << 8}, {1 << 9, 1 << 9},
    {1 << 10, 1 << 10}};
constexpr Bit kIoUringEnter[] = {{1 << 0, 1 << 0}, {1 << 1, 1 << 1}, {1 << 2, 1 << 2}, {1 << 3, 1 << 3}};
constexpr Bit kProt[] = {{PROT_READ, 1 << 0},      {PROT_WRITE, 1 << 1},   {PROT_EXEC, 1 << 2},
                         {0x8 /* PROT_SEM */, 1 << 3}, {PROT_GROWSDOWN, 1 << 4}, {PROT_GROWSUP, 1 << 5}};
constexpr Bit kMmap[] = {{MAP_SHARED, 1 << 0},     {MAP_PRIVATE, 1 << 1},   {MAP_FIXED, 1 << 2},
                         {MAP_ANONYMOUS, 1 << 3},  {MAP_32BIT, 1 << 4},     {MAP_NORESERVE, 1 << 6},
                         {MAP_POPULATE, 1 << 7},   {MAP_NONBLOCK, 1 << 8},  {MAP_GROWSDOWN, 1 << 9},
                         {MAP_DENYWRITE, 1 << 10}, {MAP_EXECUTABLE, 1 << 11}, {0x80 /* MAP_INHERIT */, 1 << 12},
                         {MAP_LOCKED, 1 << 14}};
constexpr Bit kSplice[] = {{SPLICE_F_MOVE, 1 << 0}, {SPLICE_F_NONBLOCK, 1 << 1},
                           {SPLICE_F_MORE, 1 << 2}, {SPLICE_F_GIFT, 1 << 3}};
constexpr Bit kFlock[] = {{LOCK_SH, 1 << 0}, {LOCK_EX, 1 << 1}, {LOCK_NB, 1 << 2}, {LOCK_UN, 1 << 3}};
constexpr Bit kSemget[] = {{IPC_CREAT, 1 << 13}, {IPC_EXCL, 1 << 14}};
constexpr Bit kAccess[] = {{X_OK, 1 << 0}, {W_OK, 1 << 1}, {R_OK, 1 << 2}};
constexpr Bit kUnlinkat[] = {{AT_REMOVEDIR, 0x200}};
constexpr Bit kLinkat[] = {{AT_SYMLINK_FOLLOW, 0x400}, {AT_EMPTY_PATH, 0x1000}};
constexpr Bit kStatat[] = {{AT_SYMLINK_NOFOLLOW, 0x100}, {AT_EMPTY_PATH, 0x1000}, {AT_NO_AUTOMOUNT, 0x800}};
constexpr Bit kUmount[] = {{MNT_FORCE, 1 << 0}, {MNT_DETACH, 1 << 1}, {MNT_EXPIRE, 1 << 2},
                           {UMOUNT_NOFOLLOW, 1 << 3}};
constexpr Bit kMlockall[] = {{MCL_CURRENT, 1 << 0}, {MCL_FUTURE, 1 << 1}, {MCL_ONFAULT, 1 << 2}};
constexpr Bit kMlock2[] = {{MLOCK_ONFAULT, 1 << 0}};
constexpr Bit kEpoll[] = {{EPOLL_CLOEXEC, 1 << 0}};
constexpr Bit kMemfd[] = {{MFD_CLOEXEC, 1 << 0}, {MFD_ALLOW_SEALING, 1 << 1}, {MFD_HUGETLB, 1 << 2}};
constexpr Bit kPidfd[] = {{O_NONBLOCK, 1 << 0}};
constexpr Bit kModule[] = {{MODULE_INIT_IGNORE_MODVERSIONS, 1}, {MODULE_INIT_IGNORE_VERMAGIC, 2},
                           {4 /* MODULE_INIT_COMPRESSED_FILE */, 4}};
constexpr Bit kDeleteModule[] = {{O_TRUNC, 1 << 0}, {O_NONBLOCK, 1 << 1}};
constexpr Bit kCloseRange[] = {{CLOSE_RANGE_UNSHARE, 1 << 1}, {1 << 2 /* CLOSE_RANGE_CLOEXEC */, 1 << 2}};

#define FLAGS(name, table) \
    {name, [](Call &call, const probe_source *sources) { return bits(call, sources, table); }}
#define POSITIVE(name, table) \
    {name, [](Call &call, const probe_source *sources) { return bits_of_positive(call, sources, table); }}

}  // namespace

constexpr Bit kOpen[] = {{O_CREAT, 1 << 2},     {O_TMPFILE, 1 << 13}, {O_APPEND, 1 << 3},
                         {O_DSYNC, 1 << 4},     {O_EXCL, 1 << 5},     {O_NONBLOCK, 1 << 6},
                         {O_SYNC, 1 << 7},      {O_TRUNC, 1 << 8},    {O_DIRECT, 1 << 9},
                         {O_DIRECTORY, 1 << 10}, {0100000 /* O_LARGEFILE */, 1 << 11},
                         {O_CLOEXEC, 1 << 12}};

uint32_t open_bits(uint64_t flags) {
    uint32_t out = 0;
    switch(flags & O_ACCMODE) {
    case O_WRONLY:
        out = 1 << 1;
        break;
    case O_RDWR:
        out = (1 << 0) | (1 << 1);
        break;
    default:
        out = 1 << 0;
        break;
    }
    for(const Bit &bit : kOpen)
        if(flags & bit.from) out |= bit.to;
    return out;
}

constexpr Bit kClone[] = {
    {CLONE_FILES, 1 << 0},         {CLONE_FS, 1 << 1},       {CLONE_IO, 1 << 2},
    {CLONE_NEWIPC, 1 << 3},        {CLONE_NEWNET, 1 << 4},   {CLONE_NEWNS, 1 << 5},
    {CLONE_NEWPID, 1 << 6},        {CLONE_NEWUTS, 1 << 7},   {CLONE_PARENT, 1 << 8},
    {CLONE_PARENT_SETTID, 1 << 9}, {CLONE_PTRACE, 1 << 10},  {CLONE_SIGHAND, 1 << 11},
    {CLONE_SYSVSEM, 1 << 12},      {CLONE_THREAD, 1 << 13},  {CLONE_UNTRACED, 1 << 14},
    {CLONE_VM, 1 << 15},           {CLONE_NEWUSER, 1 << 20}, {CLONE_CHILD_CLEARTID, 1 << 23},
    {CLONE_CHILD_SETTID, 1 << 24}, {CLONE_SETTLS, 1 << 25},  {CLONE_VFORK, 1 << 27},
    {CLONE_NEWCGROUP, 1 << 28}};

uint32_t clone_bits(uint64_t flags) {
    uint32_t out = 0;
    for(const Bit &bit : kClone)
        if(static_cast<uint32_t>(flags) & bit.from) out |= bit.to;
    return out;
}

const Function kFlagFunctions[] = {
    FLAGS("cloexec", kCloexec),
    FLAGS("resolve_flags", kResolve),
    FLAGS("io_uring_setup_flags", kIoUringSetup),
    FLAGS("io_uring_features", kIoUringFeatures),
    FLAGS("io_uring_enter_flags", kIoUringEnter),
    FLAGS("prot_flags", kProt),
    FLAGS("mmap_flags", kMmap),
    FLAGS("splice_flags", kSplice),
    FLAGS("flock_flags", kFlock),
    FLAGS("semget_flags", kSemget),
    FLAGS("access_mode", kAccess),
    FLAGS("unlinkat_flags", kUnlinkat),
    FLAGS("linkat_flags", kLinkat),
    FLAGS("statat_flags", kStatat),
    FLAGS("umount_flags", kUmount),
    FLAGS("mlockall_flags", kMlockall),
    FLAGS("mlock2_flags", kMlock2),
    FLAGS("epoll_flags", kEpoll),
    FLAGS("memfd_flags", kMemfd),
    FLAGS("pidfd_flags", kPidfd),
    FLAGS("module_flags", kModule),
    FLAGS("delete_module_flags", kDeleteModule),
    FLAGS("close_range_flags", kCloseRange),
    POSITIVE("nonblock_cloexec", kNonblockCloexec),
    POSITIVE("pipe_flags", kPipe),
    {"clone_flags",
     [](Call &call, const probe_source *sources) {
         return number(clone_bits(static_cast<uint64_t>(call.number(sources[0]))));
     }},
    // The events' bits of permissions are the kernel's own.
    {"permissions",
     [](Call &call, const probe_source *sources) { return number(call.number(sources[0]) & 07777); }},
    {"mknod_mode",
     [](Call &call, const probe_source *sources) {
         const int64_t mode = call.number(sources[0]);
         int64_t kind = mode & S_IFMT;
         if(kind == 0) kind = S_IFREG;
         const bool known = kind == S_IFSOCK || kind == S_IFREG || kind == S_IFBLK ||
                            kind == S_IFCHR || kind == S_IFIFO;
         return number((mode & 07777) | (known ? kind : 0));
     }},
    // The magic number of old is no flag.
    {"mount_flags",
     [](Call &call, const probe_source *sources) {
         auto flags = static_cast<uint32_t>(call.number(sources[0]));
         if((flags & 0xffff0000) == 0xc0ed0000) flags &= 0xffff;
         return number(flags);
     }},
    {nullptr, nullptr},
};

}  // namespace probe
