// What a program does is written down as it does it: one JSON line an event that must be recorded, in
// the order of the calls of each thread. Writing down makes no system call; say_all() prints it all.
//
// A line is {"tid": …, "key": type of the event (capture/events/table.tsv), "args": {parameter: value}}.
// A value is a number, a text, null (held by the event as empty, or not at all), or an object:
// {"flags": [names]}, {"bytes": "hex"}, {"inet": [address, port]}, {"unix": path}, {"tuple": [address,
// port, address, port]}, {"unix_tuple": path}, {"fds": [[fd, [flags]], …]}, {"any": why}.
#pragma once
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static char said[1 << 20];
static size_t said_bytes;
static long said_for;  // the thread
static int geteuid_known, getegid_known;
static int unexpected;

static void say_more(const char *format, ...) {
    va_list values;
    va_start(values, format);
    said_bytes += vsnprintf(said + said_bytes, sizeof said - said_bytes, format, values);
    va_end(values);
    if(said_bytes >= sizeof said) abort();
}

// An event of the thread `said_for`.
#define say(key, args, ...)                                                               \
    say_more("{\"tid\":%ld,\"key\":\"" key "\",\"args\":{" args "}}\n", said_for, ##__VA_ARGS__)

// The field of the event that was said last, as Falco would show it.
#define field(name, format, ...)                                                          \
    say_more("{\"field\":\"" name "\",\"value\":" format "}\n", ##__VA_ARGS__)

// One system call, no more: its result, or the negative errno.
#define call(number, ...) ({ long r_ = syscall(number, ##__VA_ARGS__); r_ < 0 ? -errno : r_; })

// A call that must give something: a wrong result is a failure of the test, not of the recorder.
#define must(expected, number, ...)                                                       \
    ({                                                                                    \
        long m_ = call(number, ##__VA_ARGS__);                                            \
        if(m_ != (expected)) {                                                            \
            ++unexpected;                                                                 \
            say_more("{\"unexpected\":\"" #number "\",\"result\":%ld}\n", m_);            \
        }                                                                                 \
        m_;                                                                               \
    })
#define works(number, ...)                                                                \
    ({                                                                                    \
        long w_ = call(number, ##__VA_ARGS__);                                            \
        if(w_ < 0) {                                                                      \
            ++unexpected;                                                                 \
            say_more("{\"unexpected\":\"" #number "\",\"result\":%ld}\n", w_);            \
        }                                                                                 \
        w_;                                                                               \
    })

static void say_all(void) {
    fwrite(said, 1, said_bytes, stdout);
    fflush(stdout);
}

// Device and inode of an open file, learnt with a call that is said too.
struct place {
    unsigned dev;
    unsigned long ino;
};
static struct place place_of(int fd) {
    struct stat s;
    long r = works(SYS_fstat, fd, &s);
    say("SYSCALL_FSTAT_X", "\"res\":%ld,\"fd\":%d", r, fd);
    unsigned major = (unsigned)(s.st_dev >> 8) & 0xfff, minor = (s.st_dev & 0xff) | ((s.st_dev >> 12) & ~0xffu);
    return (struct place){(minor & 0xff) | major << 8 | (minor & ~0xffu) << 12, s.st_ino};
}
