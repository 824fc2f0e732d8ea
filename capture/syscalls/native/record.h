/* What the probe writes into its ring buffers and the assembler reads: shared by probe.c, by the C++
   code beside this file and, through cffi, by Python, which asks it for offsets. Only plain structs.

   A record is a header, the arguments that its call keeps, and its pieces in the order of the call's
   steps: each a length (two bytes, little-endian) and so many bytes; PIECE_NONE as the length says
   that there was nothing to read. */
#ifndef FALCOWB_RECORD_H
#define FALCOWB_RECORD_H

/* Numbers beyond the kernel's calls: tracepoints that give events, and what only 32-bit programs call. */
enum { CALL_EXEC = 512, CALL_EXIT, CALL_SEND, CALL_RECV, CALLS };
/* Counters of losses, by number of the call. */
enum { LOSSES = 1024 };
enum { MAX_STEPS = 16, PIECE_NONE = 0xffff };

struct probe_record {
    uint64_t time;      /* ns since boot, with suspension */
    uint32_t tid;
    uint16_t call;      /* number of the system call, or CALL_EXEC ... */
    uint16_t cpu;
    int64_t result;
    /* uint64_t arguments[]; then the pieces */
};

/* What a step reads. "a" and "b" are descriptors or arguments by number; RESULT is the result, POINTED
   plus n an int at the address in argument n. */
enum { RESULT = 6, POINTED = 8 };
enum {
    STEP_END,
    STEP_STR,        /* text at argument a */
    STEP_USER,       /* n bytes at argument a */
    STEP_BUF,        /* buffer at argument a; mode */
    STEP_SADDR,      /* socket address at argument a of the length in argument b */
    STEP_NAME,       /* socket address at argument a of unknown length */
    STEP_SOCK,       /* probe_socket of descriptor a, and the path of a unix socket; mode */
    STEP_FILE,       /* probe_file of descriptor a */
    STEP_BACKLOG,    /* uint32[2] of descriptor a: connections waiting, most of them */
    STEP_MSG,        /* msghdr at argument a */
    STEP_MMSG,       /* element of the mmsghdr array at argument a: one record an element */
    STEP_IOVARG,     /* iovec array at argument a of the length in argument b; gives no piece */
    STEP_IOV,        /* total size in four bytes, then data; mode */
    STEP_MNAME,      /* address of the msghdr */
    STEP_MCONTROL,   /* control data of the msghdr */
    STEP_POLLFDS,    /* pollfd array at argument a of the length in argument b */
    STEP_TASK,       /* probe_task */
    STEP_ARGS,       /* argument area of the process */
    STEP_ENV,        /* environment area of the process */
    STEP_ARGV,       /* texts of the array of pointers at argument a */
    STEP_CGROUPS,    /* for each of five controllers how many names follow (255: there is none of
                        it), then the names of its cgroup and those above, leaf first */
    STEP_EXE,        /* probe_exe, then up to 64 groups of the process */
    STEP_DPATH,      /* names of the path of descriptor a (RESULT + 1: the executable), leaf first */
    STEP_KSTR,       /* text in kernel memory at argument a */
    STEP_CAPS,       /* probe_caps */
    STEP_MM,         /* probe_mm */
    STEPS
};
enum { MODE_READ, MODE_WRITE, MODE_LENGTH, MODE_LENGTH_AT };  /* of buffers */
enum { MODE_IN, MODE_OUT };                                   /* of sockets */
enum { EXECUTABLE = 7 };

struct probe_step {
    uint8_t kind;
    uint8_t a;
    uint8_t b;
    uint8_t mode;
    uint32_t size;
};

/* One call as the probe sees it. */
struct probe_call {
    uint8_t wanted;
    uint8_t arguments;  /* kept of each: 0, 1, 3 or 6 */
    uint8_t several;        /* one record an element of an array */
    uint8_t failures_only;  /* execve: when it succeeds another tracepoint tells */
    struct probe_step step[MAX_STEPS];
};

struct probe_mm {
    uint32_t vm_size;   /* kB */
    uint32_t vm_rss;
    uint32_t vm_swap;
};

struct probe_caps {
    uint64_t cap_inheritable;
    uint64_t cap_permitted;
    uint64_t cap_effective;
};

struct probe_task {
    uint64_t fdlimit;
    uint64_t pgft_maj;
    uint64_t pgft_min;
    uint64_t cap_inheritable;
    uint64_t cap_permitted;
    uint64_t cap_effective;
    uint64_t pidns_start;  /* start of the first process of its pid namespace, ns since boot */
    uint32_t tid;
    uint32_t pid;
    uint32_t ptid;
    uint32_t pgid;
    uint32_t vtid;
    uint32_t vpid;
    uint32_t vpgid;
    uint32_t vm_size;
    uint32_t vm_rss;
    uint32_t vm_swap;
    uint32_t euid;
    uint32_t egid;
    uint32_t fsuid;
    uint32_t fsgid;
    uint32_t loginuid;
    uint32_t tty;
    uint32_t in_pidns;
    char comm[16];
};

struct probe_extent {
    uint32_t first;
    uint32_t lower_first;
    uint32_t count;
};

struct probe_exe {
    uint64_t ino;
    int64_t ctime_sec;
    int64_t mtime_sec;
    uint32_t ctime_nsec;
    uint32_t mtime_nsec;
    uint32_t uid;
    uint32_t gid;
    uint32_t flags;      /* of the inode */
    uint32_t sb_flags;
    uint32_t uid_extents;
    uint32_t gid_extents;
    struct probe_extent uids[5];
    struct probe_extent gids[5];
    uint16_t mode;
    uint8_t layer;       /* 0 no overlay, 1 upper, 2 lower */
    uint8_t memfd;
    uint32_t groups;
};

struct probe_file {
    uint64_t ino;
    uint32_t dev;        /* as the kernel has it: major << 20 | minor */
    uint32_t fmode;
    uint8_t layer;
    uint8_t pad[7];
};

struct probe_socket {
    uint64_t self;       /* of a unix socket: addresses of the two ends */
    uint64_t peer;
    uint8_t local[16];
    uint8_t remote[16];
    uint16_t family;
    uint16_t local_port;   /* network order */
    uint16_t remote_port;
    uint16_t pad;
};

#endif
