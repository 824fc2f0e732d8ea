// Calls that only older architectures have: the same with a path alone.
#pragma once
#include "files.h"

static void old_names(void) {
#ifdef SYS_open
    char head[256];
    long fd = works(SYS_open, "o", O_CREAT | O_WRONLY, 0604);
    snprintf(head, sizeof head, "\"SYSCALL_OPEN_X\",\"args\":{\"fd\":%ld,\"name\":\"o\"", fd);
    say_open(head, fd, "\"flags\":{\"flags\":[\"O_CREAT\",\"O_WRONLY\",\"O_F_CREATED\"]},\"mode\":388");
    must(5, SYS_dup2, (int)fd, 5);
    say("SYSCALL_DUP2_X", "\"res\":5,\"oldfd\":%ld,\"newfd\":5", fd);
    must(0, SYS_close, 5);
    say("SYSCALL_CLOSE_X", "\"res\":0,\"fd\":5");
    field("fd.name", "\"%s/o\"", folder);
    must(0, SYS_fchmod, (int)fd, 0600);
    say("SYSCALL_FCHMOD_X", "\"res\":0,\"fd\":%ld,\"mode\":384", fd);
    must(0, SYS_fchown, (int)fd, geteuid_known, getegid_known);
    say("SYSCALL_FCHOWN_X", "\"res\":0,\"fd\":%ld,\"uid\":%d,\"gid\":%d", fd, geteuid_known, getegid_known);
    must(0, SYS_close, (int)fd);
    say("SYSCALL_CLOSE_X", "\"res\":0,\"fd\":%ld", fd);
    fd = works(SYS_creat, "c", 0600);
    // Room for device and inode is in the middle here.
    size_t at = said_bytes;
    struct place p = place_of((int)fd);
    said_bytes = at;
    say("SYSCALL_CREAT_X", "\"fd\":%ld,\"name\":\"c\",\"mode\":384,\"dev\":%u,\"ino\":%lu,"
        "\"creat_flags\":{\"any\":\"layers of an overlay\"}", fd, p.dev, p.ino);
    say("SYSCALL_FSTAT_X", "\"res\":0,\"fd\":%ld", fd);
    must(0, SYS_close, (int)fd);
    say("SYSCALL_CLOSE_X", "\"res\":0,\"fd\":%ld", fd);
    must(0, SYS_chmod, "c", 0755);
    say("SYSCALL_CHMOD_X", "\"res\":0,\"filename\":\"c\",\"mode\":493");
    must(0, SYS_chown, "c", geteuid_known, getegid_known);
    say("SYSCALL_CHOWN_X", "\"res\":0,\"path\":\"c\",\"uid\":%d,\"gid\":%d", geteuid_known, getegid_known);
    must(0, SYS_lchown, "c", geteuid_known, getegid_known);
    say("SYSCALL_LCHOWN_X", "\"res\":0,\"path\":\"c\",\"uid\":%d,\"gid\":%d", geteuid_known, getegid_known);
    must(0, SYS_access, "c", 4 | 2);
    say("SYSCALL_ACCESS_X", "\"res\":0,\"name\":\"c\",\"mode\":{\"flags\":[\"R_OK\",\"W_OK\"]}");
    struct stat s;
    must(0, SYS_stat, "c", &s);
    say("SYSCALL_STAT_X", "\"res\":0,\"path\":\"c\"");
    must(-ENOENT, SYS_lstat, "none", &s);
    say("SYSCALL_LSTAT_X", "\"res\":-2,\"path\":\"none\"");
    must(0, SYS_rename, "c", "e");
    say("SYSCALL_RENAME_X", "\"res\":0,\"oldpath\":\"c\",\"newpath\":\"e\"");
    must(0, SYS_renameat, AT_FDCWD, "e", AT_FDCWD, "c");
    say("SYSCALL_RENAMEAT_X", "\"res\":0,\"olddirfd\":-100,\"oldpath\":\"e\",\"newdirfd\":-100,\"newpath\":\"c\"");
    must(0, SYS_link, "c", "h");
    say("SYSCALL_LINK_2_X", "\"res\":0,\"oldpath\":\"c\",\"newpath\":\"h\"");
    must(0, SYS_symlink, "c", "s");
    say("SYSCALL_SYMLINK_X", "\"res\":0,\"target\":\"c\",\"linkpath\":\"s\"");
    must(0, SYS_mknod, "p", S_IFIFO | 0644, 0);
    say("SYSCALL_MKNOD_X", "\"res\":0,\"path\":\"p\","
        "\"mode\":{\"flags\":[\"S_IFIFO\",\"S_IRUSR\",\"S_IWUSR\",\"S_IRGRP\",\"S_IROTH\"]},\"dev\":0");
    must(0, SYS_unlink, "h");
    say("SYSCALL_UNLINK_2_X", "\"res\":0,\"path\":\"h\"");
    must(-ENOENT, SYS_unlink, "h");
    say("SYSCALL_UNLINK_2_X", "\"res\":-2,\"path\":\"h\"");
    must(0, SYS_mkdir, "m", 0700);
    say("SYSCALL_MKDIR_2_X", "\"res\":0,\"path\":\"m\",\"mode\":448");
    must(0, SYS_rmdir, "m");
    say("SYSCALL_RMDIR_2_X", "\"res\":0,\"path\":\"m\"");
#endif
}
