// Calls that make descriptors of other kinds, and calls on memory and limits.
#pragma once
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>

#include "said.h"

static void closed(long fd) {
    must(0, SYS_close, (int)fd);
    say("SYSCALL_CLOSE_X", "\"res\":0,\"fd\":%ld", fd);
}

static void descriptors(void) {
    int ends[2];
    must(0, SYS_pipe2, ends, O_CLOEXEC | O_NONBLOCK);
    size_t at = said_bytes;
    struct place p = place_of(ends[0]);
    said_bytes = at;
    say("SYSCALL_PIPE2_X", "\"res\":0,\"fd1\":%d,\"fd2\":%d,\"ino\":%lu,"
        "\"flags\":{\"flags\":[\"O_NONBLOCK\",\"O_CLOEXEC\"]}", ends[0], ends[1], p.ino);
    say("SYSCALL_FSTAT_X", "\"res\":0,\"fd\":%d", ends[0]);
    must(4, SYS_write, ends[1], "pipe", 4);
    say("SYSCALL_WRITE_X", "\"res\":4,\"data\":\"pipe\",\"fd\":%d,\"size\":4", ends[1]);
    field("fd.type", "\"pipe\"");
    long null = works(SYS_openat, AT_FDCWD, "/dev/null", O_WRONLY, 0);
    char head[256];
    snprintf(head, sizeof head, "\"SYSCALL_OPENAT_2_X\",\"args\":{\"fd\":%ld,\"dirfd\":-100,\"name\":\"/dev/null\"", null);
    say_open(head, null, "\"flags\":{\"flags\":[\"O_WRONLY\"]},\"mode\":0");
    must(4, SYS_splice, ends[0], 0L, (int)null, 0L, 4L, 1);
    say("SYSCALL_SPLICE_X", "\"res\":4,\"fd_in\":%d,\"fd_out\":%ld,\"size\":4,\"flags\":{\"flags\":[\"SPLICE_F_MOVE\"]}",
        ends[0], null);
    closed(null);
    struct pollfd polled[2] = {{ends[1], POLLOUT, 0}, {ends[0], POLLIN, 0}};
    struct timespec some = {2, 5000};
    must(1, SYS_ppoll, polled, 2, &some, NULL, 8L);
    say("SYSCALL_PPOLL_X", "\"res\":1,\"fds\":{\"any\":\"the events come back\"},\"timeout\":{\"any\":\"what is left of it\"},\"sigmask\":{\"any\":\"none\"}");
    closed(ends[0]);
    closed(ends[1]);

    long fd = works(SYS_memfd_create, "payload", 1);
    say("SYSCALL_MEMFD_CREATE_X", "\"fd\":%ld,\"name\":\"payload\",\"flags\":{\"flags\":[\"MFD_CLOEXEC\"]}", fd);
    must(3, SYS_write, (int)fd, "mem", 3);
    say("SYSCALL_WRITE_X", "\"res\":3,\"data\":\"mem\",\"fd\":%ld,\"size\":3", fd);
    field("fd.name", "\"payload\"");
    closed(fd);
    fd = works(SYS_eventfd2, 7, O_CLOEXEC);
    say("SYSCALL_EVENTFD2_X", "\"res\":%ld,\"flags\":{\"flags\":[\"O_CLOEXEC\"]},\"initval\":7", fd);
    closed(fd);
    field("fd.type", "\"event\"");
    fd = works(SYS_epoll_create1, EPOLL_CLOEXEC);
    say("SYSCALL_EPOLL_CREATE1_X", "\"res\":%ld,\"flags\":{\"flags\":[\"EPOLL_CLOEXEC\"]}", fd);
    closed(fd);
    field("fd.type", "\"eventpoll\"");
    fd = works(SYS_inotify_init1, O_NONBLOCK);
    say("SYSCALL_INOTIFY_INIT1_X", "\"res\":%ld,\"flags\":{\"flags\":[\"O_NONBLOCK\"]}", fd);
    closed(fd);
    field("fd.type", "\"inotify\"");
    fd = works(SYS_timerfd_create, CLOCK_MONOTONIC, O_CLOEXEC);
    say("SYSCALL_TIMERFD_CREATE_X", "\"res\":%ld,\"clockid\":{\"any\":\"0 in the driver\"},\"flags\":{\"any\":\"0 in the driver\"}", fd);
    closed(fd);
    unsigned long mask = 1UL << (SIGUSR1 - 1);
    fd = works(SYS_signalfd4, -1, &mask, 8L, O_CLOEXEC);
    say("SYSCALL_SIGNALFD4_X", "\"res\":%ld,\"flags\":{\"flags\":[\"O_CLOEXEC\"]},\"fd\":-1,\"mask\":{\"any\":\"0 in the driver\"}", fd);
    closed(fd);
    long own = said_for;
    fd = works(SYS_pidfd_open, (int)own, 0);
    say("SYSCALL_PIDFD_OPEN_X", "\"fd\":%ld,\"pid\":%ld,\"flags\":0", fd, own);
    long got = works(SYS_pidfd_getfd, (int)fd, 1, 0);
    say("SYSCALL_PIDFD_GETFD_X", "\"fd\":%ld,\"pid_fd\":%ld,\"target_fd\":1,\"flags\":0", got, fd);
    closed(got);
    closed(fd);
}

static void memory_and_limits(void) {
#define VM "\"vm_size\":{\"any\":\"\"},\"vm_rss\":{\"any\":\"\"},\"vm_swap\":{\"any\":\"\"}"
    long at = works(SYS_mmap, NULL, 8192L, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0L);
    say("SYSCALL_MMAP_X", "\"res\":%ld," VM ",\"addr\":0,\"length\":8192,\"prot\":{\"flags\":[\"PROT_READ\",\"PROT_WRITE\"]},"
        "\"flags\":{\"flags\":[\"MAP_PRIVATE\",\"MAP_ANONYMOUS\"]},\"fd\":-1,\"offset\":0", at);
    must(0, SYS_mprotect, at, 4096L, PROT_READ | PROT_EXEC);
    say("SYSCALL_MPROTECT_X", "\"res\":0,\"addr\":%ld,\"length\":4096,\"prot\":{\"flags\":[\"PROT_READ\",\"PROT_EXEC\"]}", at);
    must(0, SYS_mlock, at, 4096L);
    say("SYSCALL_MLOCK_X", "\"res\":0,\"addr\":%ld,\"len\":4096", at);
    must(0, SYS_mlock2, at, 4096L, 1);
    say("SYSCALL_MLOCK2_X", "\"res\":0,\"addr\":%ld,\"len\":4096,\"flags\":{\"flags\":[\"MLOCK_ONFAULT\"]}", at);
    must(0, SYS_munlock, at, 4096L);
    say("SYSCALL_MUNLOCK_X", "\"res\":0,\"addr\":%ld,\"len\":4096", at);
    must(0, SYS_munlockall);
    say("SYSCALL_MUNLOCKALL_X", "\"res\":0");
    must(0, SYS_munmap, at, 8192L);
    say("SYSCALL_MUNMAP_X", "\"res\":0," VM ",\"addr\":%ld,\"length\":8192", at);
    long end = works(SYS_brk, 0L);
    say("SYSCALL_BRK_4_X", "\"res\":%ld," VM ",\"addr\":0", end);
    struct rlimit old, new = {321, 400};
    must(0, SYS_prlimit64, 0, RLIMIT_CORE, NULL, &old);
    say("SYSCALL_PRLIMIT_X", "\"res\":0,\"newcur\":{\"any\":\"none given\"},\"newmax\":{\"any\":\"none given\"},"
        "\"oldcur\":%ld,\"oldmax\":%ld,\"pid\":0,\"resource\":{\"flags\":[\"RLIMIT_CORE\"]}",
        (long)old.rlim_cur, (long)old.rlim_max);
    new.rlim_cur = old.rlim_cur < 321 ? old.rlim_cur : 321;
    new.rlim_max = old.rlim_max;
    must(0, SYS_prlimit64, 0, RLIMIT_CORE, &new, &old);
    say("SYSCALL_PRLIMIT_X", "\"res\":0,\"newcur\":%ld,\"newmax\":%ld,\"oldcur\":%ld,\"oldmax\":%ld,\"pid\":0,"
        "\"resource\":{\"flags\":[\"RLIMIT_CORE\"]}",
        (long)new.rlim_cur, (long)new.rlim_max, (long)old.rlim_cur, (long)old.rlim_max);
#ifdef SYS_setrlimit
    must(0, SYS_setrlimit, RLIMIT_CORE, &new);
    say("SYSCALL_SETRLIMIT_X", "\"res\":0,\"cur\":%ld,\"max\":%ld,\"resource\":{\"flags\":[\"RLIMIT_CORE\"]}",
        (long)new.rlim_cur, (long)new.rlim_max);
    must(0, SYS_getrlimit, RLIMIT_CORE, &old);
    say("SYSCALL_GETRLIMIT_X", "\"res\":0,\"cur\":%ld,\"max\":%ld,\"resource\":{\"flags\":[\"RLIMIT_CORE\"]}",
        (long)new.rlim_cur, (long)new.rlim_max);
#endif
    struct timespec moment = {0, 1234};
    must(0, SYS_nanosleep, &moment, NULL);
    say("SYSCALL_NANOSLEEP_X", "\"res\":0,\"interval\":1234");
    int word = 5;
    must(-EAGAIN, SYS_futex, &word, 0, 6, NULL, NULL, 0);
    say("SYSCALL_FUTEX_X", "\"res\":-11,\"addr\":%lu,\"op\":{\"flags\":[\"FUTEX_WAIT\"]},\"val\":6", (unsigned long)&word);
}
