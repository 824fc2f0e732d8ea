// Calls on files and descriptors, in a scratch folder that is the working directory.
#pragma once
#include <sys/uio.h>

#include "said.h"

static const char *folder;
static struct place last;  // of the file that was opened last

// Opens are said once device and inode are known, which takes a call after them: room is left.
static void say_open(const char *key_and_args, long fd, const char *rest) {
    size_t at = said_bytes;
    struct place p = {0, 0};
    if(fd >= 0) last = p = place_of((int)fd);
    char after[512];
    size_t size = said_bytes - at;
    if(size > sizeof after) abort();
    memcpy(after, said + at, size);
    said_bytes = at;
    say_more("{\"tid\":%ld,\"key\":%s,%s,\"dev\":%u,\"ino\":%lu}}\n", said_for, key_and_args, rest, p.dev, p.ino);
    memcpy(said + said_bytes, after, size);
    said_bytes += size;
}

static void opens(void) {
    char head[256];
    long fd = works(SYS_openat, AT_FDCWD, "made", O_CREAT | O_EXCL | O_WRONLY, 0640);
    snprintf(head, sizeof head, "\"SYSCALL_OPENAT_2_X\",\"args\":{\"fd\":%ld,\"dirfd\":-100,\"name\":\"made\"", fd);
    say_open(head, fd, "\"flags\":{\"flags\":[\"O_CREAT\",\"O_EXCL\",\"O_WRONLY\",\"O_F_CREATED\"]},\"mode\":416");
    long r = works(SYS_write, (int)fd, "hello", 5);
    say("SYSCALL_WRITE_X", "\"res\":%ld,\"data\":\"hello\",\"fd\":%ld,\"size\":5", r, fd);
    field("fd.name", "\"%s/made\"", folder);
    field("fd.num", "%ld", fd);
    field("fd.type", "\"file\"");
    field("fd.typechar", "\"f\"");
    field("fd.directory", "\"%s\"", folder);
    field("fd.filename", "\"made\"");
    field("fd.nameraw", "\"made\"");
    field("fd.ino", "%lu", last.ino);
    field("fd.dev", "\"%X\"", last.dev);
    field("fd.dev.major", "%u", last.dev >> 8 & 0xfff);
    field("fd.dev.minor", "%u", (last.dev & 0xff) | (last.dev >> 12 & ~0xffu));
    field("fd.connected", "false");
    r = works(SYS_close, (int)fd);
    say("SYSCALL_CLOSE_X", "\"res\":%ld,\"fd\":%ld", r, fd);
    field("fd.name", "\"%s/made\"", folder);

    long dir = works(SYS_openat, AT_FDCWD, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    snprintf(head, sizeof head, "\"SYSCALL_OPENAT_2_X\",\"args\":{\"fd\":%ld,\"dirfd\":-100,\"name\":\"%s\"", dir, folder);
    // Any bit of O_TMPFILE, O_DIRECTORY among them, is Falco's O_TMPFILE.
    say_open(head, dir, "\"flags\":{\"flags\":[\"O_RDONLY\",\"O_DIRECTORY\",\"O_TMPFILE\",\"O_CLOEXEC\"]},\"mode\":0");

    fd = works(SYS_openat, (int)dir, "made", O_RDWR | O_APPEND | O_NONBLOCK, 0);
    snprintf(head, sizeof head, "\"SYSCALL_OPENAT_2_X\",\"args\":{\"fd\":%ld,\"dirfd\":%ld,\"name\":\"made\"", fd, dir);
    say_open(head, fd, "\"flags\":{\"flags\":[\"O_RDWR\",\"O_APPEND\",\"O_NONBLOCK\"]},\"mode\":0");
    r = works(SYS_close, (int)fd);
    say("SYSCALL_CLOSE_X", "\"res\":%ld,\"fd\":%ld", r, fd);
    field("fd.name", "\"%s/made\"", folder);

    r = must(-ENOENT, SYS_openat, AT_FDCWD, "not there", O_RDONLY, 0);
    say_open("\"SYSCALL_OPENAT_2_X\",\"args\":{\"fd\":-2,\"dirfd\":-100,\"name\":\"not there\"", r,
             "\"flags\":{\"flags\":[\"O_RDONLY\"]},\"mode\":0");
    r = must(-EEXIST, SYS_openat, AT_FDCWD, "made", O_CREAT | O_EXCL | O_RDWR, 0600);
    say_open("\"SYSCALL_OPENAT_2_X\",\"args\":{\"fd\":-17,\"dirfd\":-100,\"name\":\"made\"", r,
             "\"flags\":{\"flags\":[\"O_CREAT\",\"O_EXCL\",\"O_RDWR\"]},\"mode\":384");

    struct {
        unsigned long flags, mode, resolve;
    } how = {O_RDONLY, 0, 0x08};
    fd = works(SYS_openat2, (int)dir, "made", &how, sizeof how);
    snprintf(head, sizeof head, "\"SYSCALL_OPENAT2_X\",\"args\":{\"fd\":%ld,\"dirfd\":%ld,\"name\":\"made\"", fd, dir);
    say_open(head, fd, "\"flags\":{\"flags\":[\"O_RDONLY\"]},\"mode\":0,\"resolve\":{\"flags\":[\"RESOLVE_BENEATH\"]}");
    long copy = works(SYS_dup, (int)fd);
    say("SYSCALL_DUP_1_X", "\"res\":%ld,\"oldfd\":%ld", copy, fd);
    r = must(40, SYS_dup3, (int)fd, 40, O_CLOEXEC);
    say("SYSCALL_DUP3_X", "\"res\":40,\"oldfd\":%ld,\"newfd\":40,\"flags\":{\"flags\":[\"O_CLOEXEC\"]}", fd);
    field("fd.name", "\"%s/made\"", folder);
    r = must(-EBADF, SYS_dup3, 999, 41, 0);
    say("SYSCALL_DUP3_X", "\"res\":-9,\"oldfd\":999,\"newfd\":41,\"flags\":0");
    r = must(42, SYS_fcntl, (int)fd, F_DUPFD, 42L);
    say("SYSCALL_FCNTL_X", "\"res\":42,\"fd\":%ld,\"cmd\":{\"flags\":[\"F_DUPFD\"]},\"arg\":42", fd);
    r = must(0, SYS_fcntl, 42, F_SETFD, (long)FD_CLOEXEC);
    say("SYSCALL_FCNTL_X", "\"res\":0,\"fd\":42,\"cmd\":{\"flags\":[\"F_SETFD\"]},\"arg\":1");
    r = must(0, SYS_close_range, 40, 42, 0);
    say("SYSCALL_CLOSE_RANGE_X", "\"res\":0,\"first\":40,\"last\":42,\"flags\":0");
    r = must(0, SYS_flock, (int)fd, 2 | 4);
    say("SYSCALL_FLOCK_X", "\"res\":0,\"fd\":%ld,\"operation\":{\"flags\":[\"LOCK_EX\",\"LOCK_NB\"]}", fd);
    r = works(SYS_close, (int)copy);
    say("SYSCALL_CLOSE_X", "\"res\":%ld,\"fd\":%ld", r, copy);
    field("fd.name", "\"%s/made\"", folder);
    r = works(SYS_close, (int)fd);
    say("SYSCALL_CLOSE_X", "\"res\":%ld,\"fd\":%ld", r, fd);
    r = works(SYS_close, (int)dir);
    say("SYSCALL_CLOSE_X", "\"res\":%ld,\"fd\":%ld", r, dir);
    field("fd.name", "\"%s\"", folder);
    field("fd.type", "\"directory\"");
    r = must(-EBADF, SYS_close, 999);
    say("SYSCALL_CLOSE_X", "\"res\":-9,\"fd\":999");
}

static void reads_and_writes(void) {
    char head[256], buffer[200];
    static char long_text[200];
    memset(long_text, 'l', sizeof long_text);
    long fd = works(SYS_openat, AT_FDCWD, "data", O_CREAT | O_RDWR | O_TRUNC, 0600);
    snprintf(head, sizeof head, "\"SYSCALL_OPENAT_2_X\",\"args\":{\"fd\":%ld,\"dirfd\":-100,\"name\":\"data\"", fd);
    say_open(head, fd, "\"flags\":{\"flags\":[\"O_CREAT\",\"O_RDWR\",\"O_TRUNC\",\"O_F_CREATED\"]},\"mode\":384");
    int f = (int)fd;
    must(200, SYS_write, f, long_text, 200);
    say("SYSCALL_WRITE_X", "\"res\":200,\"data\":\"%.80s\",\"fd\":%d,\"size\":200", long_text, f);
    must(3, SYS_pwrite64, f, "abc", 3, 1000L);
    say("SYSCALL_PWRITE_X", "\"res\":3,\"data\":\"abc\",\"fd\":%d,\"size\":3,\"pos\":1000", f);
    struct iovec two[2] = {{"one", 3}, {"two", 3}};
    must(6, SYS_writev, f, two, 2);
    say("SYSCALL_WRITEV_X", "\"res\":6,\"data\":\"onetwo\",\"fd\":%d,\"size\":6", f);
    must(6, SYS_pwritev, f, two, 2, 2000L, 0);
    say("SYSCALL_PWRITEV_X", "\"res\":6,\"data\":\"onetwo\",\"fd\":%d,\"size\":6,\"pos\":2000", f);
    must(1000, SYS_lseek, f, 1000L, SEEK_SET);
    say("SYSCALL_LSEEK_X", "\"res\":1000,\"fd\":%d,\"offset\":1000,\"whence\":{\"flags\":[\"SEEK_SET\"]}", f);
    must(3, SYS_read, f, buffer, 3);
    say("SYSCALL_READ_X", "\"res\":3,\"data\":\"abc\",\"fd\":%d,\"size\":3", f);
    field("fd.name", "\"%s/data\"", folder);
    must(3, SYS_pread64, f, buffer, 3, 1000L);
    say("SYSCALL_PREAD_X", "\"res\":3,\"data\":\"abc\",\"fd\":%d,\"size\":3,\"pos\":1000", f);
    struct iovec in[2] = {{buffer, 3}, {buffer + 3, 3}};
    must(6, SYS_preadv, f, in, 2, 2000L, 0);
    say("SYSCALL_PREADV_X", "\"res\":6,\"size\":6,\"data\":\"onetwo\",\"fd\":%d,\"pos\":2000", f);
    must(2000, SYS_lseek, f, 2000L, SEEK_SET);
    say("SYSCALL_LSEEK_X", "\"res\":2000,\"fd\":%d,\"offset\":2000,\"whence\":{\"flags\":[\"SEEK_SET\"]}", f);
    must(6, SYS_readv, f, in, 2);
    say("SYSCALL_READV_X", "\"res\":6,\"size\":6,\"data\":\"onetwo\",\"fd\":%d", f);
    must(-EBADF, SYS_read, 999, buffer, 10);
    say("SYSCALL_READ_X", "\"res\":-9,\"data\":null,\"fd\":999,\"size\":10");
    must(-EBADF, SYS_write, 999, "lost", 4);
    say("SYSCALL_WRITE_X", "\"res\":-9,\"data\":\"lost\",\"fd\":999,\"size\":4");
    long from = 1000, to = 3000;
    must(3, SYS_copy_file_range, f, &from, f, &to, 3L, 0);
    say("SYSCALL_COPY_FILE_RANGE_X", "\"res\":3,\"fdout\":%d,\"offout\":{\"any\":\"an address\"},\"fdin\":%d,"
        "\"offin\":{\"any\":\"an address\"},\"len\":3", f, f);
    must(0, SYS_close, f);
    say("SYSCALL_CLOSE_X", "\"res\":0,\"fd\":%d", f);
}

static void names(void) {
    char buffer[4096];
    must(0, SYS_mkdirat, AT_FDCWD, "d", 0750);
    say("SYSCALL_MKDIRAT_X", "\"res\":0,\"dirfd\":-100,\"path\":\"d\",\"mode\":488");
    must(-EEXIST, SYS_mkdirat, AT_FDCWD, "d", 0750);
    say("SYSCALL_MKDIRAT_X", "\"res\":-17,\"dirfd\":-100,\"path\":\"d\",\"mode\":488");
    must(0, SYS_renameat2, AT_FDCWD, "data", AT_FDCWD, "d/moved", 1);
    say("SYSCALL_RENAMEAT2_X", "\"res\":0,\"olddirfd\":-100,\"oldpath\":\"data\",\"newdirfd\":-100,"
        "\"newpath\":\"d/moved\",\"flags\":{\"flags\":[\"RENAME_NOREPLACE\"]}");
    must(0, SYS_linkat, AT_FDCWD, "d/moved", AT_FDCWD, "hard", 0);
    say("SYSCALL_LINKAT_2_X", "\"res\":0,\"olddir\":-100,\"oldpath\":\"d/moved\",\"newdir\":-100,"
        "\"newpath\":\"hard\",\"flags\":0");
    must(0, SYS_symlinkat, "/nowhere", AT_FDCWD, "soft");
    say("SYSCALL_SYMLINKAT_X", "\"res\":0,\"target\":\"/nowhere\",\"linkdirfd\":-100,\"linkpath\":\"soft\"");
    must(0, SYS_fchmodat, AT_FDCWD, "hard", 04711);
    say("SYSCALL_FCHMODAT_X", "\"res\":0,\"dirfd\":-100,\"filename\":\"hard\",\"mode\":2505");
    must(0, SYS_fchownat, AT_FDCWD, "soft", geteuid_known, getegid_known, 0x100);
    say("SYSCALL_FCHOWNAT_X", "\"res\":0,\"dirfd\":-100,\"pathname\":\"soft\",\"uid\":%d,\"gid\":%d,"
        "\"flags\":{\"any\":\"Falco does not know this flag here\"}", geteuid_known, getegid_known);
    must(0, SYS_mknodat, AT_FDCWD, "fifo", S_IFIFO | 0600, 0);
    say("SYSCALL_MKNODAT_X", "\"res\":0,\"dirfd\":-100,\"path\":\"fifo\","
        "\"mode\":{\"flags\":[\"S_IFIFO\",\"S_IRUSR\",\"S_IWUSR\"]},\"dev\":0");
    struct stat s;
    must(0, SYS_newfstatat, AT_FDCWD, "soft", &s, 0x100);
    say("SYSCALL_NEWFSTATAT_X", "\"res\":0,\"dirfd\":-100,\"path\":\"soft\","
        "\"flags\":{\"flags\":[\"AT_SYMLINK_NOFOLLOW\"]}");
    must(0, SYS_unlinkat, AT_FDCWD, "hard", 0);
    say("SYSCALL_UNLINKAT_2_X", "\"res\":0,\"dirfd\":-100,\"name\":\"hard\",\"flags\":0");
    must(0, SYS_chdir, "d");
    say("SYSCALL_CHDIR_X", "\"res\":0,\"path\":\"d\"");
    field("proc.cwd", "\"%s/d/\"", folder);
    long size = works(SYS_getcwd, buffer, sizeof buffer);
    say("SYSCALL_GETCWD_X", "\"res\":%ld,\"path\":\"%s/d\"", size, folder);
    must(-ENOENT, SYS_chdir, "none");
    say("SYSCALL_CHDIR_X", "\"res\":-2,\"path\":\"none\"");
    field("proc.cwd", "\"%s/d/\"", folder);
    must(0, SYS_unlinkat, AT_FDCWD, "moved", 0);
    say("SYSCALL_UNLINKAT_2_X", "\"res\":0,\"dirfd\":-100,\"name\":\"moved\",\"flags\":0");
    must(0, SYS_chdir, folder);
    say("SYSCALL_CHDIR_X", "\"res\":0,\"path\":\"%s\"", folder);
    must(0, SYS_unlinkat, AT_FDCWD, "d", 0x200);
    say("SYSCALL_UNLINKAT_2_X", "\"res\":0,\"dirfd\":-100,\"name\":\"d\",\"flags\":{\"flags\":[\"AT_REMOVEDIR\"]}");
}
