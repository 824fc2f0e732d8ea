// Processes: made, changed, run, ended, signalled. A child writes nothing down: its parent knows what it
// does, and its exit status how many of its calls went wrong.
#pragma once
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "descriptors.h"

static const char *own_path;  // of this program
static long own_pid;
static struct stat own_file;

#define good(expected, number, ...) wrong += call(number, ##__VA_ARGS__) != (expected)

// What a new process is told of itself, and its parent of it.
#define MADE                                                                                            \
    "\"exe\":{\"any\":\"\"},\"args\":{\"any\":\"\"},\"tid\":%ld,\"pid\":%ld,\"ptid\":{\"any\":\"\"},\"cwd\":{\"any\":\"\"},"  \
    "\"fdlimit\":{\"any\":\"\"},\"pgft_maj\":{\"any\":\"\"},\"pgft_min\":{\"any\":\"\"}," VM ",\"comm\":\"%s\","             \
    "\"cgroups\":{\"any\":\"\"},\"flags\":{\"any\":\"\"},\"uid\":%d,\"gid\":%d,\"vtid\":%ld,\"vpid\":%ld,"                \
    "\"pidns_init_start_ts\":{\"any\":\"\"}"

static const char *own_comm;

static void say_made(const char *key, long child) {
    say_more("{\"tid\":%ld,\"key\":\"%s\",\"args\":{\"res\":%ld," MADE "}}\n", own_pid, key, child, own_pid, own_pid,
             own_comm, geteuid_known, getegid_known, own_pid, own_pid);
    say_more("{\"field\":\"proc.name\",\"value\":\"%s\"}\n", own_comm);
    said_for = child;
    say_more("{\"tid\":%ld,\"key\":\"%s\",\"args\":{\"res\":0," MADE "}}\n", child, key, child, child, own_comm,
             geteuid_known, getegid_known, child, child);
    say_more("{\"field\":\"proc.pid\",\"value\":%ld}\n", child);
    say_more("{\"field\":\"proc.ppid\",\"value\":%ld}\n", own_pid);
    say_more("{\"field\":\"proc.pname\",\"value\":\"%s\"}\n", own_comm);
    say_more("{\"field\":\"proc.cwd\",\"value\":\"%s/\"}\n", folder);
}

static void say_exit(long child, int code) {
    say("PROCEXIT_1_E", "\"status\":%d,\"ret\":%d,\"sig\":0,\"core\":0,\"reaper_tid\":{\"any\":\"\"}", code << 8, code);
    said_for = own_pid;
    int status;
    must(child, SYS_wait4, (int)child, &status, 0, NULL);
    say("GENERIC_X", "\"ID\":{\"syscall\":\"wait4\"},\"nativeID\":%d", (int)SYS_wait4);
    if(status != code << 8) {
        ++unexpected;
        say_more("{\"unexpected\":\"exit of a child\",\"result\":%d}\n", status);
    }
}

static long forked(void) {
#ifdef SYS_fork
    return call(SYS_fork);
#else
    return call(SYS_clone, (unsigned long)SIGCHLD, 0L, 0L, 0L, 0L);
#endif
}
#ifdef SYS_fork
#define FORK "SYSCALL_FORK_20_X"
#else
#define FORK "SYSCALL_CLONE_20_X"
#endif

// Identity: a child that may do as root does becomes another user, piece by piece. (Falco learns of a
// new name or process group with the next execve only, so no field is said of those.)
static void other_user(void) {
    long child = forked();
    if(child == 0) {
        int wrong = 0;
        good(0, SYS_setpgid, 0, 0);
        good(-EPERM, SYS_setsid);
        good(0, SYS_prctl, PR_SET_NAME, "renamed", 0L, 0L, 0L);
        good(0, SYS_setresgid, 4001, 4002, 4003);
        good(0, SYS_setgid, 4002);
        good(0, SYS_setregid, 4001, 4002);
        good(0, SYS_setresuid, 3001, 0, 0);
        good(0, SYS_setreuid, -1, 3002);
        good(3002, SYS_geteuid);
        good(3001, SYS_getuid);
        good(0, SYS_setresuid, 3002, 3002, 3002);
        good(-EPERM, SYS_setuid, 1);
        good(-EPERM, SYS_chroot, "/");
        syscall(SYS_exit_group, wrong);
    }
    say_made(FORK, child);
    say("SYSCALL_SETPGID_X", "\"res\":0,\"pid\":0,\"pgid\":0");
    say("SYSCALL_SETSID_X", "\"res\":-1");
    say("SYSCALL_PRCTL_X", "\"res\":0,\"option\":{\"flags\":[\"PR_SET_NAME\"]},\"arg2_str\":\"renamed\",\"arg2_int\":0");
    say("SYSCALL_SETRESGID_X", "\"res\":0,\"rgid\":4001,\"egid\":4002,\"sgid\":4003");
    field("group.gid", "4002");
    say("SYSCALL_SETGID_X", "\"res\":0,\"gid\":4002");
    say("SYSCALL_SETREGID_X", "\"res\":0,\"rgid\":4001,\"egid\":4002");
    say("SYSCALL_SETRESUID_X", "\"res\":0,\"ruid\":3001,\"euid\":0,\"suid\":0");
    say("SYSCALL_SETREUID_X", "\"res\":0,\"ruid\":4294967295,\"euid\":3002");
    field("user.uid", "3002");
    say("SYSCALL_GETEUID_X", "\"euid\":3002");
    say("SYSCALL_GETUID_X", "\"uid\":3001");
    say("SYSCALL_SETRESUID_X", "\"res\":0,\"ruid\":3002,\"euid\":3002,\"suid\":3002");
    say("SYSCALL_SETUID_X", "\"res\":-1,\"uid\":1");
    field("user.uid", "3002");
    say("SYSCALL_CHROOT_X", "\"res\":-1,\"path\":\"/\"");
    say_exit(child, 0);
}

// A program is run, with arguments and an environment of its own.
static void runs(void) {
    long child = forked();
    if(child == 0) {
        // In memory that is there: no probe can read a page that was never touched.
        char words[4][16] = {"a name", "with blanks ", "", "--done"}, set[2][16] = {"KNOWN=value", "EMPTY="};
        char *args[] = {words[0], words[1], words[2], words[3], NULL}, *env[] = {set[0], set[1], NULL};
        int wrong = call(SYS_execve, "none", args, env) != -ENOENT;
        syscall(SYS_execve, own_path, args, env);
        syscall(SYS_exit_group, 99 + wrong);
    }
    say_made(FORK, child);
#define RUN(comm)                                                                                                     \
    ",\"tid\":%ld,\"pid\":%ld,\"ptid\":%ld,\"cwd\":{\"any\":\"\"},\"fdlimit\":{\"any\":\"\"},\"pgft_maj\":{\"any\":\"\"},"       \
    "\"pgft_min\":{\"any\":\"\"}," VM ",\"comm\":\"" comm "\",\"cgroups\":{\"any\":\"\"}"
#define RAN                                                                                                           \
    ",\"tty\":{\"any\":\"\"},\"vpgid\":{\"any\":\"\"},\"loginuid\":{\"any\":\"\"},\"flags\":{\"any\":\"\"},"                    \
    "\"cap_inheritable\":{\"any\":\"\"},\"cap_permitted\":{\"any\":\"\"},\"cap_effective\":{\"any\":\"\"}"
    say("SYSCALL_EXECVE_19_X",
        "\"res\":-2,\"exe\":\"a name\",\"args\":{\"texts\":[\"with blanks \",\"\",\"--done\"]}" RUN("%s")
        ",\"env\":{\"texts\":[\"KNOWN=value\",\"EMPTY=\"]}" RAN ",\"exe_ino\":{\"any\":\"\"},\"exe_ino_ctime\":{\"any\":\"\"},"
        "\"exe_ino_mtime\":{\"any\":\"\"},\"uid\":%d,\"trusted_exepath\":{\"any\":\"\"},\"pgid\":{\"any\":\"\"},\"gid\":%d,"
        "\"filename\":\"none\"",
        child, child, own_pid, own_comm, geteuid_known, getegid_known);
    field("proc.name", "\"%s\"", own_comm);
    const struct stat s = own_file;
    say("SYSCALL_EXECVE_19_X",
        "\"res\":0,\"exe\":\"a name\",\"args\":{\"texts\":[\"with blanks \",\"\",\"--done\"]}" RUN("%s")
        ",\"env\":{\"texts\":[\"KNOWN=value\",\"EMPTY=\"]}" RAN ",\"exe_ino\":%lu,\"exe_ino_ctime\":%lu,\"exe_ino_mtime\":%lu,"
        "\"uid\":%d,\"trusted_exepath\":\"%s\",\"pgid\":{\"any\":\"\"},\"gid\":%d,\"filename\":{\"any\":\"none where it went well\"}",
        child, child, own_pid, strrchr(own_path, '/') + 1, s.st_ino, s.st_ctim.tv_sec * 1000000000 + s.st_ctim.tv_nsec,
        s.st_mtim.tv_sec * 1000000000 + s.st_mtim.tv_nsec, geteuid_known, own_path, getegid_known);
    field("proc.name", "\"%s\"", strrchr(own_path, '/') + 1);
    field("proc.exe", "\"a name\"");
    field("proc.exepath", "\"%s\"", own_path);
    field("proc.args", "\"with blanks   --done\"");
    field("proc.cmdline", "\"%s with blanks   --done\"", strrchr(own_path, '/') + 1);
    field("proc.env[KNOWN]", "\"value\"");
    field("proc.cwd", "\"%s/\"", folder);
    field("proc.exe_ino", "%lu", s.st_ino);
    field("proc.ppid", "%ld", own_pid);
    field("proc.pname", "\"%s\"", own_comm);
    field("user.uid", "%d", geteuid_known);
    say_more("{\"tid\":%ld,\"rest\":\"start-up of the program\"}\n", child);
    say_exit(child, 7);
}

static void signals(void) {
    long child = forked();
    if(child == 0) {
        for(volatile int spin = 0;; ++spin) {}  // no call, until it is killed
    }
    say_made(FORK, child);
    said_for = own_pid;
    must(0, SYS_kill, (int)child, 0);
    say("SYSCALL_KILL_X", "\"res\":0,\"pid\":%ld,\"sig\":0", child);
    must(-ESRCH, SYS_tgkill, (int)own_pid, (int)child, SIGTERM);
    say("SYSCALL_TGKILL_X", "\"res\":-3,\"pid\":%ld,\"tid\":%ld,\"sig\":15", own_pid, child);
    must(0, SYS_tkill, (int)child, SIGKILL);
    say("SYSCALL_TKILL_X", "\"res\":0,\"tid\":%ld,\"sig\":9", child);
    int status;
    must(child, SYS_wait4, (int)child, &status, 0, NULL);
    say("GENERIC_X", "\"ID\":{\"syscall\":\"wait4\"},\"nativeID\":%d", (int)SYS_wait4);
    said_for = child;
    say("PROCEXIT_1_E", "\"status\":9,\"ret\":0,\"sig\":9,\"core\":0,\"reaper_tid\":{\"any\":\"\"}");
    said_for = own_pid;
}

// What only root may do, each in a child that has namespaces of its own.
static void namespaces(void) {
    long child = forked();
    if(child == 0) {
        int wrong = 0;
        good(0, SYS_unshare, CLONE_NEWNS | CLONE_NEWUTS);
        good(0, SYS_mount, "none", "/", "", (unsigned long)(1 << 18 | 1 << 14), "");
        good(0, SYS_mount, "falcowb", folder, "tmpfs", 2UL, "size=64k");
        good(0, SYS_umount2, folder, 2);
        good(-EINVAL, SYS_setns, 0, CLONE_NEWNET);
        good(0, SYS_chroot, "/");
        syscall(SYS_exit_group, wrong);
    }
    say_made(FORK, child);
    say("SYSCALL_UNSHARE_X", "\"res\":0,\"flags\":{\"flags\":[\"CLONE_NEWNS\",\"CLONE_NEWUTS\"]}");
    say("SYSCALL_MOUNT_X", "\"res\":0,\"dev\":\"none\",\"dir\":\"/\",\"type\":\"\",\"flags\":{\"flags\":[\"REC\",\"PRIVATE\"]}");
    say("SYSCALL_MOUNT_X", "\"res\":0,\"dev\":\"falcowb\",\"dir\":\"%s\",\"type\":\"tmpfs\",\"flags\":{\"flags\":[\"NOSUID\"]}", folder);
    say("SYSCALL_UMOUNT2_X", "\"res\":0,\"name\":\"%s\",\"flags\":{\"flags\":[\"DETACH\"]}", folder);
    say("SYSCALL_SETNS_X", "\"res\":-22,\"fd\":0,\"nstype\":{\"flags\":[\"CLONE_NEWNET\"]}");
    say("SYSCALL_CHROOT_X", "\"res\":0,\"path\":\"/\"");
    say_exit(child, 0);
}

static void clones(void) {
    struct clone_args how = {.exit_signal = SIGCHLD};
    long child = call(SYS_clone3, &how, sizeof how);
    if(child == 0) syscall(SYS_exit_group, 3);
    say_made("SYSCALL_CLONE3_X", child);
    say_exit(child, 3);
    child = call(SYS_clone, (unsigned long)(SIGCHLD | CLONE_FS | CLONE_FILES), 0L, 0L, 0L, 0L);
    if(child == 0) {
        int wrong = call(SYS_chdir, "/") != 0;
        syscall(SYS_exit_group, wrong);
    }
    say_made("SYSCALL_CLONE_20_X", child);
    say("SYSCALL_CHDIR_X", "\"res\":0,\"path\":\"/\"");
    say_exit(child, 0);
    // They share the folder: it is this process's too.
    must(0, SYS_chdir, folder);
    say("SYSCALL_CHDIR_X", "\"res\":0,\"path\":\"%s\"", folder);
}
