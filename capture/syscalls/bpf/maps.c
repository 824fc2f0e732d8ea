/* What the probe's programs share: maps and the ways to them, and how memory is read. */

#define NO_WAKEUP 1  /* the reader comes by itself, often enough */
#define SCRATCH 0x10000
#define WITHIN (SCRATCH - 1)
#define TEXT 4096
#define FEW 6  /* messages of one sendmmsg or recvmmsg */

#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10
#define S_IFMT 0170000
#define S_IFSOCK 0140000
#define OVERLAYFS 0x794c7630
#define PF_EXITING 4
#define TS_COMPAT 2
#define SOCKETCALL 1022  /* what stands for it in ia32 */

struct scratch {
    uint64_t arg[8];
    int64_t result;
    uint32_t call;
    uint32_t step;
    uint32_t at;
    uint32_t index;
    uint32_t total;
    uint32_t compat;
    uint64_t iov;
    uint64_t iovs;
    uint64_t name;
    uint64_t name_size;
    uint64_t control;
    uint64_t control_size;
    uint8_t data[3 * SCRATCH];
};

/* What changes from one recording to the next, and so is not compiled in. */
struct settings {
    uint32_t excluded[8];
};

struct losses {
    uint64_t of[LOSSES];
};

BPF_RINGBUF_OUTPUT(ring, 1);  /* made as large as it is to be when it is loaded */
BPF_ARRAY_OF_MAPS(rings, "ring", RINGS);
BPF_ARRAY(calls, struct probe_call, CALLS);
BPF_ARRAY(scratches, struct scratch, CPUS);
BPF_PERCPU_ARRAY(lost, struct losses, 1);
BPF_ARRAY(settings, struct settings, 1);
BPF_PROG_ARRAY(steps, STEPS);
#ifdef IA32
BPF_ARRAY(ia32, uint32_t, 512 + 32);
#endif
#ifdef TREE
/* A byte a process id: whether it is recorded. User space writes here too. */
struct pids {
    uint8_t on[64];
};
BPF_F_TABLE("array", uint32_t, struct pids, tracked, PIDS / 64, 1024 /* BPF_F_MMAPABLE */);
#endif

#if defined(PLAIN) && defined(TREE)
/* The process that made a task which has not run yet. */
BPF_TABLE("lru_hash", uint64_t, uint32_t, newborn, 16384);
#endif

/* bcc looks through all of the kernel's symbols at each call of its own names for these. */
static long (*read_user)(void *to, uint32_t size, const void *from) = (void *)112;
static long (*read_kernel)(void *to, uint32_t size, const void *from) = (void *)113;
static long (*read_user_text)(void *to, uint32_t size, const void *from) = (void *)114;
static long (*read_kernel_text)(void *to, uint32_t size, const void *from) = (void *)115;

#define INLINE static __always_inline
#define ROLLED _Pragma("clang loop unroll(disable)")
/* Keeps the compiler from proving what the verifier then cannot follow. */
#define OPAQUE(n) asm volatile("" : "+r"(n))

INLINE void lose(uint32_t call, uint64_t count) {
    uint32_t zero = 0;
    struct losses *l = lost.lookup(&zero);
    OPAQUE(call);
    call &= LOSSES - 1;
    if(l) l->of[call] += count;
}

INLINE void *ring_of(uint32_t cpu) {
    cpu &= RINGS - 1;
    return rings.lookup(&cpu);
}

INLINE struct scratch *scratch_of(uint32_t cpu) {
    return scratches.lookup(&cpu);
}

INLINE struct probe_call *call_of(uint32_t call) {
    return calls.lookup(&call);
}

INLINE int is_excluded(uint32_t pid) {
#if EXCLUDED
    uint32_t zero = 0;
    struct settings *given = settings.lookup(&zero);
    for(int i = 0; i < EXCLUDED; i++)
        if(given && given->excluded[i] == pid) return 1;
#endif
    return 0;
}

#ifdef IA32
/* What stands for a call of a 32-bit program; no call at all where there is none. */
INLINE uint32_t ia32_of(uint32_t call) {
    uint32_t *found = ia32.lookup(&call);
    return found ? *found : CALLS;
}
#endif

/* Goes on in the program of a kind of step, and comes back only where there is none. */
INLINE void go_on(struct bpf_raw_tracepoint_args *ctx, uint32_t kind) {
    steps.call(ctx, kind);
}

#ifdef TREE
INLINE int is_tracked(uint32_t pid) {
    uint32_t group = pid >> 6;
    struct pids *p = tracked.lookup(&group);
    return p && p->on[pid & 63];
}

INLINE void track(uint32_t pid, uint8_t on) {
    uint32_t group = pid >> 6;
    struct pids *p = tracked.lookup(&group);
    if(p) p->on[pid & 63] = on;
}
#endif

/* ---- the calling thread and its registers ----

   Where the kernel hands out typed pointers (since 5.15) their memory is read by plain loads, which the
   verifier checks against the kernel's own types. */
#ifdef TYPED
static void *(*current_task)(void) = (void *)158;
static void *(*registers_of)(void *task) = (void *)175;
#define LOAD64(to, base, offset) \
    asm volatile("%0 = *(u64 *)(%1 + %2)" : "=r"(to) : "r"(base), "i"(offset))
#define LOAD32(to, base, offset) \
    asm volatile("%0 = *(u32 *)(%1 + %2)" : "=r"(to) : "r"(base), "i"(offset))
#define THREAD                   \
    void *thread = current_task(); \
    void *regs = registers_of(thread);
#define REGISTER(to, offset) LOAD64(to, regs, offset)
#define OF_THREAD(to, offset) LOAD32(to, thread, offset)
/* As bpf_get_current_pid_tgid has it. */
#define THREAD_ID(to)                     \
    do {                                  \
        uint32_t tid, tgid;               \
        LOAD32(tid, thread, OFF_PID);     \
        LOAD32(tgid, thread, OFF_TGID);   \
        (to) = (uint64_t)tgid << 32 | tid; \
    } while(0)
#else
#define THREAD                           \
    uint64_t thread = bpf_get_current_task(); \
    uint64_t regs = ctx->args[0];
#define REGISTER(to, offset) (to) = pointer(regs, offset)
#define OF_THREAD(to, offset) (to) = number(thread, offset)
#define THREAD_ID(to) (to) = bpf_get_current_pid_tgid()
#endif
