// What attackers and debuggers call, mostly in ways that fail and harm nothing; and calls on many things.
#pragma once
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/sem.h>
#include <sys/sendfile.h>

#include "processes.h"
#include "sockets.h"

static void refused(void) {
    long r = must(-EINVAL, SYS_seccomp, 0x99, 0, NULL);
    say("SYSCALL_SECCOMP_X", "\"res\":-22,\"op\":153,\"flags\":0");
    r = call(SYS_bpf, 7, NULL, 0);
    say("SYSCALL_BPF_2_X", "\"fd\":%ld,\"cmd\":{\"flags\":[\"BPF_OBJ_GET\"]}", r);
    r = call(SYS_finit_module, -1, "falcowb=1", 1);
    say("SYSCALL_FINIT_MODULE_X", "\"res\":%ld,\"fd\":-1,\"uargs\":\"falcowb=1\",\"flags\":{\"flags\":[\"MODULE_INIT_IGNORE_MODVERSIONS\"]}", r);
    r = call(SYS_init_module, "no module", 9L, "falcowb=2");
    say("SYSCALL_INIT_MODULE_X", "\"res\":%ld,\"img\":\"no module\",\"length\":9,\"uargs\":\"falcowb=2\"", r);
    r = call(SYS_delete_module, "falcowb_none", O_NONBLOCK);
    say("SYSCALL_DELETE_MODULE_X", "\"res\":%ld,\"name\":\"falcowb_none\",\"flags\":{\"flags\":[\"O_NONBLOCK\"]}", r);
    r = call(SYS_userfaultfd, O_CLOEXEC | 1);
    say("SYSCALL_USERFAULTFD_X", "\"res\":%ld,\"flags\":{\"any\":\"as they are\"}", r);
    if(r >= 0) closed(r);
    r = must(-EBADF, SYS_setns, 999, 0);
    say("SYSCALL_SETNS_X", "\"res\":-9,\"fd\":999,\"nstype\":0");
    r = must(-ESRCH, SYS_ptrace, PTRACE_ATTACH, 4194304L, 0L, 0L);
    say("SYSCALL_PTRACE_X", "\"res\":-3,\"addr\":{\"any\":\"\"},\"data\":{\"any\":\"\"},\"request\":{\"flags\":[\"PTRACE_ATTACH\"]},\"pid\":4194304");
    char from[] = "memory of a process", to[32];
    struct iovec here = {to, 6}, there = {from, 6};
    r = must(6, SYS_process_vm_readv, (int)own_pid, &here, 1L, &there, 1L, 0L);
    say("SYSCALL_PROCESS_VM_READV_X", "\"res\":6,\"pid\":%ld,\"data\":\"memory\"", own_pid);
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct caps[2];
    must(0, SYS_capget, &head, caps);
    say("GENERIC_X", "\"ID\":{\"syscall\":\"capget\"},\"nativeID\":%d", (int)SYS_capget);
    must(0, SYS_capset, &head, caps);
    say("SYSCALL_CAPSET_X", "\"res\":0,\"cap_inheritable\":%lu,\"cap_permitted\":%lu,\"cap_effective\":%lu",
        caps[0].inheritable | (unsigned long)caps[1].inheritable << 32,
        caps[0].permitted | (unsigned long)caps[1].permitted << 32,
        caps[0].effective | (unsigned long)caps[1].effective << 32);
    (void)r;
}

static void many(void) {
    char head[256], entries[4096];
    long dir = works(SYS_openat, AT_FDCWD, folder, O_RDONLY | O_DIRECTORY, 0);
    snprintf(head, sizeof head, "\"SYSCALL_OPENAT_2_X\",\"args\":{\"fd\":%ld,\"dirfd\":-100,\"name\":\"%s\"", dir, folder);
    say_open(head, dir, "\"flags\":{\"flags\":[\"O_RDONLY\",\"O_DIRECTORY\",\"O_TMPFILE\"]},\"mode\":0");
    long r = works(SYS_getdents64, (int)dir, entries, sizeof entries);
    say("SYSCALL_GETDENTS64_X", "\"res\":%ld,\"fd\":%ld", r, dir);
    must(0, SYS_fchdir, (int)dir);
    say("SYSCALL_FCHDIR_X", "\"res\":0,\"fd\":%ld", dir);
    field("proc.cwd", "\"%s/\"", folder);
    closed(dir);
    int pair[2];
    must(0, SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, pair);
    say("SOCKET_SOCKETPAIR_X", "\"res\":0,\"fd1\":%d,\"fd2\":%d,\"source\":{\"any\":\"an address\"},\"peer\":{\"any\":\"an address\"},"
        "\"domain\":{\"flags\":[\"AF_UNIX\"]},\"type\":1,\"proto\":0", pair[0], pair[1]);
    must(4, SYS_write, pair[0], "pair", 4);
    say("SYSCALL_WRITE_X", "\"res\":4,\"data\":\"pair\",\"fd\":%d,\"size\":4", pair[0]);
    int waiting = 0;
    must(0, SYS_ioctl, pair[1], (long)FIONREAD, &waiting);
    say("SYSCALL_IOCTL_3_X", "\"res\":0,\"fd\":%d,\"request\":%ld,\"argument\":%lu", pair[1], (long)FIONREAD, (unsigned long)&waiting);
    long epoll = works(SYS_epoll_create1, 0);
    say("SYSCALL_EPOLL_CREATE1_X", "\"res\":%ld,\"flags\":0", epoll);
    struct epoll_event event = {.events = EPOLLIN};
    must(0, SYS_epoll_ctl, (int)epoll, EPOLL_CTL_ADD, pair[1], &event);
    say("GENERIC_X", "\"ID\":{\"syscall\":\"epoll_ctl\"},\"nativeID\":%d", (int)SYS_epoll_ctl);
#ifdef SYS_epoll_wait
    must(1, SYS_epoll_wait, (int)epoll, &event, 3, 1000);
    say("SYSCALL_EPOLLWAIT_X", "\"res\":1,\"maxevents\":3");
#endif
    closed(epoll);
#ifdef SYS_poll
    struct pollfd polled = {pair[1], POLLIN, 0};
    must(1, SYS_poll, &polled, 1L, 1000);
    say("SYSCALL_POLL_X", "\"res\":1,\"fds\":{\"any\":\"the events come back\"},\"timeout\":1000");
#endif
    struct iovec out = {"mmsg", 4}, in = {entries, 64};
    struct mmsghdr message = {.msg_hdr = {.msg_iov = &out, .msg_iovlen = 1}};
    must(1, SYS_sendmmsg, pair[0], &message, 1, 0);
    say("SOCKET_SENDMMSG_X", "\"res\":{\"any\":\"bytes of the message\"},\"fd\":%d,\"size\":4,\"data\":\"mmsg\",\"tuple\":{\"any\":\"\"}", pair[0]);
    message.msg_hdr.msg_iov = &in;
    must(1, SYS_recvmmsg, pair[1], &message, 1, 0, NULL);
    say("SOCKET_RECVMMSG_X", "\"res\":{\"any\":\"bytes of the message\"},\"fd\":%d,\"size\":{\"any\":\"\"},\"data\":\"pairmmsg\",\"tuple\":{\"any\":\"\"},\"msgcontrol\":{\"any\":\"\"}", pair[1]);
    long file = works(SYS_openat, AT_FDCWD, "made", O_RDONLY, 0);
    snprintf(head, sizeof head, "\"SYSCALL_OPENAT_2_X\",\"args\":{\"fd\":%ld,\"dirfd\":-100,\"name\":\"made\"", file);
    say_open(head, file, "\"flags\":{\"flags\":[\"O_RDONLY\"]},\"mode\":0");
    must(5, SYS_sendfile, pair[0], (int)file, NULL, 5L);
    say("SYSCALL_SENDFILE_X", "\"res\":5,\"offset\":{\"any\":\"none given\"},\"out_fd\":%d,\"in_fd\":%ld,\"size\":5", pair[0], file);
    closed(file);
    closed(pair[0]);
    closed(pair[1]);
    unsigned ids[3];
    must(0, SYS_getresuid, ids, ids + 1, ids + 2);
    say("SYSCALL_GETRESUID_X", "\"res\":0,\"ruid\":%u,\"euid\":%u,\"suid\":%u", ids[0], ids[1], ids[2]);
    long set = works(SYS_semget, 0L, 2, 0600 | IPC_CREAT);
    say("SYSCALL_SEMGET_X", "\"res\":%ld,\"key\":0,\"nsems\":2,\"semflg\":{\"any\":\"\"}", set);
    struct sembuf up[2] = {{0, 3, 0}, {1, 4, IPC_NOWAIT}};
    must(0, SYS_semop, (int)set, up, 2L);
    say("SYSCALL_SEMOP_X", "\"res\":0,\"nsops\":2,\"sem_num_0\":0,\"sem_op_0\":3,\"sem_flg_0\":0,\"sem_num_1\":1,\"sem_op_1\":4,"
        "\"sem_flg_1\":{\"flags\":[\"IPC_NOWAIT\"]},\"semid\":%ld", set);
    must(4, SYS_semctl, (int)set, 1, GETVAL, 0L);
    say("SYSCALL_SEMCTL_X", "\"res\":4,\"semid\":%ld,\"semnum\":1,\"cmd\":{\"flags\":[\"GETVAL\"]},\"val\":{\"any\":\"none given\"}", set);
    must(0, SYS_semctl, (int)set, 0, IPC_RMID, 0L);
    say("SYSCALL_SEMCTL_X", "\"res\":0,\"semid\":%ld,\"semnum\":0,\"cmd\":{\"flags\":[\"IPC_RMID\"]},\"val\":{\"any\":\"none given\"}", set);
}
