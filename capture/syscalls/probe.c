/* The probe: turns what a system call did into a record of capture/syscalls/native/record.h.

   Compiled by bcc when a capture starts, after that header and after the offsets of capture/syscalls/
   offsets.py (OFF_...). Nothing is taken from kernel headers but types of fixed width: where the kernel
   that runs keeps things is known from its own BTF.

   on_sys_exit looks a call up and writes calls without pieces at once. Others go through programs, one
   a kind of step, that append to the CPU's scratch and call the next one. */

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

struct losses {
    uint64_t of[CALLS];
};

BPF_RINGBUF_OUTPUT(ring, RING_PAGES);
BPF_ARRAY_OF_MAPS(rings, "ring", RINGS);
BPF_ARRAY(calls, struct probe_call, CALLS);
BPF_ARRAY(scratches, struct scratch, CPUS);
BPF_PERCPU_ARRAY(lost, struct losses, 1);
BPF_PROG_ARRAY(steps, STEPS);
#ifdef IA32
BPF_ARRAY(ia32, uint32_t, 512);
#endif
#ifdef TREE
/* A byte a process id: whether it is recorded. User space writes here too. */
struct pids {
    uint8_t on[64];
};
BPF_F_TABLE("array", uint32_t, struct pids, tracked, PIDS / 64, 1024 /* BPF_F_MMAPABLE */);
#endif

#define INLINE static __always_inline
#define ROLLED _Pragma("clang loop unroll(disable)")
/* Keeps the compiler from proving what the verifier then cannot follow. */
#define OPAQUE(n) asm volatile("" : "+r"(n))

INLINE uint64_t pointer(uint64_t base, uint32_t offset) {
    uint64_t value = 0;
    bpf_probe_read_kernel(&value, sizeof(value), (void *)(base + offset));
    return value;
}

INLINE uint32_t number(uint64_t base, uint32_t offset) {
    uint32_t value = 0;
    bpf_probe_read_kernel(&value, sizeof(value), (void *)(base + offset));
    return value;
}

INLINE uint16_t small(uint64_t base, uint32_t offset) {
    uint16_t value = 0;
    bpf_probe_read_kernel(&value, sizeof(value), (void *)(base + offset));
    return value;
}

INLINE void lose(uint32_t call, uint64_t count) {
    uint32_t zero = 0;
    struct losses *l = lost.lookup(&zero);
    if(l && call < CALLS) l->of[call] += count;
}

/* ---- who is recorded ---- */

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

/* id: bpf_get_current_pid_tgid(). */
INLINE int left_out(uint64_t id) {
    uint32_t tgid = id >> 32;
    if(EXCLUDED(tgid)) return 1;
#ifdef UIDS
    uint32_t uid = bpf_get_current_uid_gid();
    if(!(UIDS(uid))) return 1;
#endif
#ifdef TREE
    if(!is_tracked(tgid)) return 1;
#endif
    return 0;
}

/* ---- writing ---- */

INLINE void head(struct probe_record *to, uint32_t call, int64_t result, uint64_t id,
                 uint32_t cpu) {
    to->time = bpf_ktime_get_boot_ns();
    to->tid = id;
    to->call = call;
    to->cpu = cpu;
    to->result = result;
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

INLINE void write_out(struct scratch *s) {
    uint32_t cpu = bpf_get_smp_processor_id();
    void *to = ring_of(cpu);
    uint32_t size = s->at;
    if(!to) return;
    if(size > SCRATCH || bpf_ringbuf_output(to, s->data, size, NO_WAKEUP)) lose(s->call, 1);
}

/* Calls the program of the next step; writes the record out after the last. */
INLINE int next(struct bpf_raw_tracepoint_args *ctx, struct scratch *s, struct probe_call *c) {
    uint32_t step = s->step & (MAX_STEPS - 1);
    uint32_t kind = c->step[step].kind;
    if(kind) {
        steps.call(ctx, kind);
        lose(s->call, 1);  /* only where the program is missing */
        return 0;
    }
    write_out(s);
    if(c->several && s->index + 1 < s->total) {
        if(s->index + 1 >= FEW) {
            lose(s->call, s->total - FEW);
            return 0;
        }
        s->index++;
        s->step = 0;
        s->at = sizeof(struct probe_record) + 6 * 8;
        kind = c->step[0].kind;
        steps.call(ctx, kind);
    }
    return 0;
}

/* A text of the process; with its NUL also where it is empty, of which the kernel tells nothing. */
INLINE int64_t user_text(uint8_t *to, uint64_t from) {
    int64_t n = bpf_probe_read_user_str(to, TEXT, (void *)from);
    if(n) return n;
    *to = 0;
    return 1;
}

/* ---- open files ---- */

INLINE uint64_t file_of(struct scratch *s, uint32_t which) {
    uint64_t task = bpf_get_current_task();
    if(which == EXECUTABLE) return pointer(pointer(task, OFF_MM), OFF_EXE_FILE);
    int32_t fd;
    if(which == RESULT) {
        fd = s->result;
    } else if(which >= POINTED) {
        fd = -1;
        bpf_probe_read_user(&fd, sizeof(fd), (void *)s->arg[which & 7]);
    } else {
        fd = s->arg[which & 7];
    }
    if(fd < 0) return 0;
    /* A small table of files is part of the struct that points to it. */
    uint8_t part[FILES_PART];
    uint64_t files = pointer(task, OFF_FILES);
    if(bpf_probe_read_kernel(part, sizeof(part), (void *)(files + FILES_START))) return 0;
    uint8_t *table = part + OFF_FDTAB - FILES_START;
    uint64_t at = *(uint64_t *)(part + OFF_FDT - FILES_START);
    if(at != files + OFF_FDTAB) {
        if(bpf_probe_read_kernel(table, FDTABLE, (void *)at)) return 0;
    }
    if((uint32_t)fd >= *(uint32_t *)(table + OFF_MAX_FDS)) return 0;
    return pointer(*(uint64_t *)(table + OFF_FD), 8 * (uint32_t)fd);
}

INLINE uint8_t layer_of(uint64_t file) {
    uint64_t dentry = pointer(file, OFF_F_PATH + OFF_PATH_DENTRY);
    if((uint32_t)pointer(pointer(dentry, OFF_D_SB), OFF_S_MAGIC) != OVERLAYFS) return 0;
    uint64_t upper = pointer(pointer(dentry, OFF_D_INODE), SIZE_INODE);
    if(upper && pointer(pointer(upper, OFF_D_INODE), OFF_I_INO)) return 1;
    return 2;
}

/* What lies close together is read at once: an open file is what most records tell of. */
INLINE int64_t read_file(struct probe_file *to, uint64_t file) {
    uint8_t f[FILE_PART];
    uint8_t inode[INODE_PART];
    if(!file || bpf_probe_read_kernel(f, sizeof(f), (void *)file)) return -1;
    uint64_t at = *(uint64_t *)(f + OFF_F_INODE);
    if(bpf_probe_read_kernel(inode, sizeof(inode), (void *)(at + INODE_START))) return -1;
    uint64_t sb = *(uint64_t *)(inode + OFF_I_SB - INODE_START);
    to->ino = *(uint64_t *)(inode + OFF_I_INO - INODE_START);
    to->fmode = *(uint32_t *)(f + OFF_F_MODE);
    uint8_t super[SUPER_PART];
    if(bpf_probe_read_kernel(super, sizeof(super), (void *)(sb + SUPER_START))) return -1;
    to->dev = *(uint32_t *)(super + OFF_S_DEV - SUPER_START);
    to->layer =
        *(uint32_t *)(super + OFF_S_MAGIC - SUPER_START) == OVERLAYFS ? layer_of(file) : 0;
    return sizeof(*to);
}

INLINE void add(struct scratch *s, uint8_t *p, uint32_t at, int64_t size) {
    if(size < 0 || size >= PIECE_NONE) {
        *(uint16_t *)p = PIECE_NONE;
        s->at = at + 2;
    } else {
        *(uint16_t *)p = size;
        s->at = at + 2 + size;
    }
}

INLINE int begin(struct bpf_raw_tracepoint_args *ctx, struct probe_call *c, uint32_t call,
                 int64_t result, uint64_t id, uint64_t *arg, uint32_t compat) {
    uint32_t cpu = bpf_get_smp_processor_id();
    struct scratch *s = scratch_of(cpu);
    if(!s) return 0;
    head((void *)s->data, call, result, id, cpu);
    uint64_t *kept = (void *)(s->data + sizeof(struct probe_record));
    for(int i = 0; i < 6; i++) s->arg[i] = kept[i] = arg[i];
    s->result = result;
    s->call = call;
    s->step = 0;
    s->index = 0;
    s->total = result > 0 ? result : 0;
    s->compat = compat;
    uint32_t at = sizeof(struct probe_record) + 6 * 8;
    s->at = at;
    /* Paths, and the files that opening them gave, are most of all: without a call to another program. */
    if(c->step[0].kind == STEP_STR) {
        uint8_t *p = s->data + at;
        int64_t n = user_text(p + 2, s->arg[c->step[0].a & 7]);
        add(s, p, at, n);
        s->step = 1;
        if(c->step[1].kind == STEP_FILE) {
            struct probe_file f = {};
            at = s->at & WITHIN;
            p = s->data + at;
            n = read_file(&f, file_of(s, RESULT));
            __builtin_memcpy(p + 2, &f, sizeof(f));
            add(s, p, at, n);
            s->step = 2;
        }
    }
    return next(ctx, s, c);
}

/* ---- tracepoints ---- */

int on_sys_exit(struct bpf_raw_tracepoint_args *ctx) {
    uint64_t regs = ctx->args[0];
    int64_t result = ctx->args[1];
    uint64_t first[2];  /* di, orig_ax */
    if(bpf_probe_read_kernel(first, sizeof(first), (void *)(regs + 112))) return 0;
    uint32_t call = first[1];
    uint32_t compat = 0;
    if(call >= 512) return 0;
#ifdef IA32
    uint32_t status = number(bpf_get_current_task(), OFF_STATUS);
    if(status & TS_COMPAT) {
        uint32_t *translated = ia32.lookup(&call);
        if(!translated) return 0;
        call = *translated;
        compat = 1;
        if(call == 511) { /* socketcall: its first argument says which */
            uint64_t which = pointer(regs, 40);
            call = which & 31;
            call += 480;
            translated = ia32.lookup(&call);
            if(!translated) return 0;
            call = *translated;
            compat = 2;
        }
    }
#endif
    struct probe_call *c = call_of(call);
    if(!c || !c->wanted) return 0;
    uint64_t id = bpf_get_current_pid_tgid();
    if(left_out(id)) return 0;
    if(c->failures_only && result >= 0) return 0;

    uint32_t cpu = bpf_get_smp_processor_id();
    if(!c->step[0].kind && !compat) {
        void *to = ring_of(cpu);
        if(!to) return 0;
        if(c->arguments == 1) {
            struct probe_record *r = bpf_ringbuf_reserve(to, sizeof(*r) + 8, 0);
            if(!r) goto full;
            head(r, call, result, id, cpu);
            ((uint64_t *)(r + 1))[0] = first[0];
            bpf_ringbuf_submit(r, NO_WAKEUP);
        } else if(c->arguments == 0) {
            struct probe_record *r = bpf_ringbuf_reserve(to, sizeof(*r), 0);
            if(!r) goto full;
            head(r, call, result, id, cpu);
            bpf_ringbuf_submit(r, NO_WAKEUP);
        } else if(c->arguments == 3) {
            uint64_t more[2];  /* dx, si */
            bpf_probe_read_kernel(more, sizeof(more), (void *)(regs + 96));
            struct probe_record *r = bpf_ringbuf_reserve(to, sizeof(*r) + 3 * 8, 0);
            if(!r) goto full;
            head(r, call, result, id, cpu);
            uint64_t *arg = (void *)(r + 1);
            arg[0] = first[0];
            arg[1] = more[1];
            arg[2] = more[0];
            bpf_ringbuf_submit(r, NO_WAKEUP);
        } else {
            uint64_t more[7];  /* r10, r9, r8, ax, cx, dx, si */
            bpf_probe_read_kernel(more, sizeof(more), (void *)(regs + 56));
            struct probe_record *r = bpf_ringbuf_reserve(to, sizeof(*r) + 6 * 8, 0);
            if(!r) goto full;
            head(r, call, result, id, cpu);
            uint64_t *arg = (void *)(r + 1);
            arg[0] = first[0];
            arg[1] = more[6];
            arg[2] = more[5];
            arg[3] = more[0];
            arg[4] = more[2];
            arg[5] = more[1];
            bpf_ringbuf_submit(r, NO_WAKEUP);
        }
        return 0;
    full:
        lose(call, 1);
        return 0;
    }
    uint64_t more[7];
    bpf_probe_read_kernel(more, sizeof(more), (void *)(regs + 56));
    uint64_t arg[6] = {first[0], more[6], more[5], more[0], more[2], more[1]};
#ifdef IA32
    if(compat == 1) {  /* bx, cx, dx, si, di, bp */
        uint64_t low[2];  /* bp, bx */
        bpf_probe_read_kernel(low, sizeof(low), (void *)(regs + 32));
        arg[0] = (uint32_t)low[1];
        arg[1] = (uint32_t)more[4];
        arg[2] = (uint32_t)more[5];
        arg[3] = (uint32_t)more[6];
        arg[4] = (uint32_t)first[0];
        arg[5] = (uint32_t)low[0];
    } else if(compat) {
        uint32_t words[6] = {};
        bpf_probe_read_user(words, sizeof(words), (void *)(uint64_t)(uint32_t)more[4]);
        for(int i = 0; i < 6; i++) arg[i] = words[i];
    }
#endif
    return begin(ctx, c, call, result, id, arg, compat);
}

#ifdef CONTAINERS
/* Whether a cgroup's name holds the beginning of a container's id: the id itself, or after the dash of
   names as docker-ID.scope. */
INLINE int names_container(uint64_t name) {
    char text[96] = {};
    bpf_probe_read_kernel_str(text, sizeof(text), (void *)name);
    int start = 0;
    for(int i = 0; i < 16; i++)
        if(text[i] == '-') start = i + 1;
    const char *id = text + (start & 31);
    return CONTAINERS(id);
}

INLINE int in_container(uint64_t task) {
    uint64_t set = pointer(task, OFF_CGROUPS);
    uint64_t css = pointer(set, OFF_SUBSYS + 8 * CONTAINER_SUBSYS);
    uint64_t kn = pointer(pointer(css, OFF_CSS_CGROUP), OFF_CGROUP_KN);
    for(int level = 0; level < 3 && kn; level++) {
        if(names_container(pointer(kn, OFF_KN_NAME))) return 1;
        kn = pointer(kn, OFF_KN_PARENT);
    }
    return 0;
}
#endif

int on_exec(struct bpf_raw_tracepoint_args *ctx) {
#ifdef CONTAINERS
    if(in_container(bpf_get_current_task())) track(bpf_get_current_pid_tgid() >> 32, 1);
#endif
    uint32_t call = CALL_EXEC;
    struct probe_call *c = call_of(call);
    uint64_t id = bpf_get_current_pid_tgid();
    if(!c || !c->wanted || left_out(id)) return 0;
    uint64_t arg[6] = {pointer(ctx->args[2], OFF_BPRM_FILENAME)};
    return begin(ctx, c, call, 0, id, arg, 0);
}

#ifdef TREE
int on_fork(struct bpf_raw_tracepoint_args *ctx) {
    uint32_t parent = bpf_get_current_pid_tgid() >> 32;
    uint32_t child = number(ctx->args[1], OFF_TGID);
    if(child != parent && is_tracked(parent)) track(child, 1);
    return 0;
}
#endif

INLINE uint64_t pid_namespace(uint64_t pid) {
    uint32_t level = number(pid, OFF_PID_LEVEL);
    return pointer(pid, OFF_PID_NUMBERS + (level & 63) * SIZE_UPID + OFF_UPID_NS);
}

INLINE uint32_t virtual_pid(uint64_t pid) {
    uint32_t level = number(pid, OFF_PID_LEVEL);
    return number(pid, OFF_PID_NUMBERS + (level & 63) * SIZE_UPID + OFF_UPID_NR);
}

/* A thread of the process that is not on its way out; 0 without one. */
INLINE uint32_t living_thread(uint64_t task) {
    uint64_t list = pointer(task, OFF_SIGNAL) + OFF_THREAD_HEAD;
    uint64_t at = pointer(list, 0);
    ROLLED
    for(int i = 0; i < 16; i++) {
        if(at == list || !at) return 0;
        uint64_t thread = at - OFF_THREAD_NODE;
        if(!(number(thread, OFF_FLAGS) & PF_EXITING)) return number(thread, OFF_PID);
        at = pointer(at, 0);
    }
    return -1;
}

/* Who gets the children of a task that ends. */
INLINE uint32_t reaper(uint64_t task) {
    uint32_t found = living_thread(task);
    if(found) return found;
    uint64_t thread_pid = pointer(task, OFF_THREAD_PID);
    uint64_t init = pointer(pid_namespace(thread_pid), OFF_NS_REAPER);
    if(init == task) return 0;
    uint32_t init_pid = number(init, OFF_PID);
    uint64_t signal = pointer(task, OFF_SIGNAL);
    if(!(number(signal, OFF_HAS_SUBREAPER) & MASK_HAS_SUBREAPER)) return init_pid;
    uint32_t level = number(thread_pid, OFF_PID_LEVEL);
    uint64_t at = task;
    ROLLED
    for(int i = 0; i < 12; i++) {
        at = pointer(at, OFF_REAL_PARENT);
        if(!at || at == init) break;
        if(number(pointer(at, OFF_THREAD_PID), OFF_PID_LEVEL) != level) break;
        signal = pointer(at, OFF_SIGNAL);
        if(!(number(signal, OFF_IS_SUBREAPER) & MASK_IS_SUBREAPER)) continue;
        if(!(number(at, OFF_FLAGS) & PF_EXITING)) return number(at, OFF_PID);
    }
    return init_pid;
}

int on_exit(struct bpf_raw_tracepoint_args *ctx) {
    uint64_t task = ctx->args[0];
    uint32_t call = CALL_EXIT;
    struct probe_call *c = call_of(call);
    uint64_t id = bpf_get_current_pid_tgid();
    if(c && c->wanted && !left_out(id)) {
        uint32_t cpu = bpf_get_smp_processor_id();
        uint64_t heir = 0;
        if(pointer(task, OFF_CHILDREN) != task + OFF_CHILDREN) heir = reaper(task);
        void *to = ring_of(cpu);
        if(to) {
            struct probe_record *r = bpf_ringbuf_reserve(to, sizeof(*r) + 3 * 8, 0);
            if(r) {
                head(r, call, 0, id, cpu);
                uint64_t *arg = (void *)(r + 1);
                arg[0] = number(task, OFF_EXIT_CODE);
                arg[1] = heir;
                arg[2] = 0;
                bpf_ringbuf_submit(r, NO_WAKEUP);
            } else {
                lose(call, 1);
            }
        }
    }
#ifdef TREE
    if(!number(pointer(task, OFF_SIGNAL), OFF_LIVE)) track(id >> 32, 0);
#endif
    return 0;
}

/* ---- steps ---- */

/* The state of the record under way: s, its call c, the step st; p where the piece goes. */
#define STEP                                                     \
    struct scratch *s = scratch_of(bpf_get_smp_processor_id());  \
    if(!s) return 0;                                             \
    struct probe_call *c = call_of(s->call);                     \
    if(!c) return 0;                                             \
    struct probe_step *st = &c->step[s->step & (MAX_STEPS - 1)]; \
    s->step++;                                                   \
    uint32_t at = s->at & WITHIN;                                  \
    uint8_t *p = s->data + at;

/* Ends the step with a piece of so many bytes behind p + 2, or with none where that is negative. */
INLINE int piece(struct bpf_raw_tracepoint_args *ctx, struct scratch *s, struct probe_call *c,
                 uint8_t *p, uint32_t at, int64_t size) {
    add(s, p, at, size);
    return next(ctx, s, c);
}

/* ---- steps ---- texts and buffers of the process */

int step_str(struct bpf_raw_tracepoint_args *ctx) {
    STEP
    return piece(ctx, s, c, p, at, user_text(p + 2, s->arg[st->a & 7]));
}

int step_kstr(struct bpf_raw_tracepoint_args *ctx) {
    STEP
    int64_t n = bpf_probe_read_kernel_str(p + 2, TEXT, (void *)s->arg[st->a & 7]);
    return piece(ctx, s, c, p, at, n > 0 ? n : -1);
}

int step_user(struct bpf_raw_tracepoint_args *ctx) {
    STEP
    uint32_t n = st->size & 127;
    int64_t failed = bpf_probe_read_user(p + 2, n, (void *)s->arg[st->a & 7]);
    return piece(ctx, s, c, p, at, failed ? -1 : n);
}

int step_buf(struct bpf_raw_tracepoint_args *ctx) {
    STEP
    uint64_t n = s->arg[st->b & 7];
    uint64_t most = SNAPLEN;
    if(st->mode == MODE_READ) {
        n = s->result > 0 ? s->result : 0;
    } else if(st->mode == MODE_WRITE) {
        if(s->result > 0) n = s->result;
    } else {
        if(most < 64) most = 64;  /* of values of options something is always kept */
        if(st->mode == MODE_LENGTH_AT) {
            uint32_t length = 0;
            bpf_probe_read_user(&length, sizeof(length), (void *)n);
            n = length;
        }
    }
    if(n > most) n = most;
    if(n > MAX_SNAPLEN) n = MAX_SNAPLEN;
    int64_t failed = bpf_probe_read_user(p + 2, n, (void *)s->arg[st->a & 7]);
    return piece(ctx, s, c, p, at, failed ? -1 : (int64_t)n);
}

int step_pollfds(struct bpf_raw_tracepoint_args *ctx) {
    STEP
    uint64_t n = (uint32_t)s->arg[st->b & 7];
    if(n > 16) n = 16;
    int64_t failed = bpf_probe_read_user(p + 2, n * 8, (void *)s->arg[st->a & 7]);
    return piece(ctx, s, c, p, at, failed ? -1 : (int64_t)n * 8);
}

int step_saddr(struct bpf_raw_tracepoint_args *ctx) {
    STEP
    uint64_t n = (uint16_t)s->arg[st->b & 7];
    if(n > 128) n = 128;
    int64_t failed = bpf_probe_read_user(p + 2, n, (void *)s->arg[st->a & 7]);
    return piece(ctx, s, c, p, at, failed || !n ? -1 : (int64_t)n);
}

INLINE int64_t read_name(uint8_t *to, uint64_t from) {
    if(!from) return -1;
    if(!bpf_probe_read_user(to, 28, (void *)from)) return 28;
    return bpf_probe_read_user(to, 16, (void *)from) ? -1 : 16;
}

int step_name(struct bpf_raw_tracepoint_args *ctx) {
    STEP
    return piece(ctx, s, c, p, at, read_name(p + 2, s->arg[st->a & 7]));
}

/* ---- steps ---- scattered buffers and messages */

struct message {
    uint64_t name;
    uint32_t name_size;
    uint32_t pad;
    uint64_t iov;
    uint64_t iovs;
    uint64_t control;
    uint64_t control_size;
    uint64_t flags;
};

INLINE int64_t read_message(struct scratch *s, uint8_t *to, uint64_t from) {
    struct message m = {};
    int64_t failed = s->compat ? -1 : bpf_probe_read_user(&m, sizeof(m), (void *)from);
    s->iov = m.iov;
    s->iovs = m.iovs;
    s->name = m.name;
    s->name_size = m.name_size;
    s->control = m.control;
    s->control_size = m.control_size;
    if(failed) return -1;
    *to = 1;
    return 1;
}

int step_msg(struct bpf_raw_tracepoint_args *ctx) {
    STEP
    return piece(ctx, s, c, p, at, read_message(s, p + 2, s->arg[st->a & 7]));
}

int step_mmsg(struct bpf_raw_tracepoint_args *ctx) {
    STEP
    uint64_t from = s->arg[st->a & 7] + 64 * (uint64_t)s->index;
    int64_t n = -1;
    if(s->total) {
        n = read_message(s, p + 2, from);
        uint32_t length = 0;
        bpf_probe_read_user(&length, sizeof(length), (void *)(from + 56));
        s->result = length;
        ((struct probe_record *)s->data)->result = length;
    } else {
        s->iov = s->iovs = s->name = s->control = s->control_size = 0;
    }
    return piece(ctx, s, c, p, at, n);
}

int step_iovarg(struct bpf_raw_tracepoint_args *ctx) {
    STEP
    s->iov = s->compat ? 0 : s->arg[st->a & 7];
    s->iovs = s->compat ? 0 : s->arg[st->b & 7];
    return next(ctx, s, c);
}

int step_iov(struct bpf_raw_tracepoint_args *ctx) {
    STEP
    uint64_t most = SNAPLEN;
    if(s->result > 0 && most > s->result) most = s->result;
    if(st->mode == MODE_READ && s->result <= 0) most = 0;
    uint64_t iovs = s->iovs;
    uint32_t total = 0;
    uint32_t n = 4;
    if(!s->iov) return piece(ctx, s, c, p, at, -1);
    ROLLED
    for(int i = 0; i < 32; i++) {
        uint64_t one[2] = {};
        if(i >= iovs) break;
        if(bpf_probe_read_user(one, sizeof(one), (void *)(s->iov + 16 * i)))
            return piece(ctx, s, c, p, at, -1);
        total += one[1];
        uint64_t want = one[1];
        uint64_t left = most + 4 - n;
        if(want > left) want = left;
        if(!want) continue;
        if(want > MAX_SNAPLEN) want = MAX_SNAPLEN;
        if(n > MAX_SNAPLEN) break;
        OPAQUE(n);
        n &= 0xffff;
        if(bpf_probe_read_user(p + 2 + n, want, (void *)one[0])) break;
        n += want;
    }
    *(uint32_t *)(p + 2) = total;
    return piece(ctx, s, c, p, at, n);
}

int step_mname(struct bpf_raw_tracepoint_args *ctx) {
    STEP
    uint64_t n = s->name_size;
    if(n > 128) n = 128;
    if(st->mode == MODE_READ) return piece(ctx, s, c, p, at, read_name(p + 2, s->name));
    int64_t failed = bpf_probe_read_user(p + 2, n, (void *)s->name);
    return piece(ctx, s, c, p, at, failed || !n ? -1 : (int64_t)n);
}

int step_mcontrol(struct bpf_raw_tracepoint_args *ctx) {
    STEP
    uint64_t n = s->control ? s->control_size : 0;
    if(n > MAX_CONTROL) n = MAX_CONTROL;
    int64_t failed = bpf_probe_read_user(p + 2, n, (void *)s->control);
    return piece(ctx, s, c, p, at, failed || !n ? -1 : (int64_t)n);
}

/* ---- steps ---- files and sockets */

int step_file(struct bpf_raw_tracepoint_args *ctx) {
    STEP
    struct probe_file f = {};
    int64_t n = read_file(&f, file_of(s, st->a));
    __builtin_memcpy(p + 2, &f, sizeof(f));
    return piece(ctx, s, c, p, at, n);
}

INLINE uint64_t socket_of(struct scratch *s, uint32_t which) {
    uint64_t file = file_of(s, which);
    if(!file) return 0;
    if((small(pointer(file, OFF_F_INODE), OFF_I_MODE) & S_IFMT) != S_IFSOCK) return 0;
    uint64_t socket = pointer(file, OFF_PRIVATE_DATA);
    return socket ? pointer(socket, OFF_SOCKET_SK) : 0;
}

int step_sock(struct bpf_raw_tracepoint_args *ctx) {
    STEP
    uint64_t sock = socket_of(s, st->a);
    if(!sock) return piece(ctx, s, c, p, at, -1);
    struct probe_socket found = {};
    int64_t n = sizeof(found);
    found.family = small(sock, OFF_FAMILY);
    if(found.family == AF_INET) {
        *(uint32_t *)found.local = number(sock, OFF_INET_SADDR);
        *(uint32_t *)found.remote = number(sock, OFF_DADDR);
    } else if(found.family == AF_INET6) {
        bpf_probe_read_kernel(found.local, 16,
                              (void *)(pointer(sock, OFF_PINET6) + OFF_INET6_SADDR));
        bpf_probe_read_kernel(found.remote, 16, (void *)(sock + OFF_DADDR6));
    }
    if(found.family == AF_INET || found.family == AF_INET6) {
        found.local_port = small(sock, OFF_INET_SPORT);
        found.remote_port = small(sock, OFF_DPORT);
    } else if(found.family == AF_UNIX) {
        found.self = sock;
        found.peer = pointer(sock, OFF_UNIX_PEER);
        uint64_t named = st->mode == MODE_OUT ? found.peer : sock;
        uint64_t address = named ? pointer(named, OFF_UNIX_ADDR) : 0;
        if(address) {
            uint64_t path = address + OFF_UNIX_NAME + 2;
            char first = 0;
            bpf_probe_read_kernel(&first, 1, (void *)path);
            if(!first) path++;  /* the abstract name space */
            int64_t length = bpf_probe_read_kernel_str(p + 2 + sizeof(found), 109, (void *)path);
            if(length > 0) n += length;
        }
    }
    __builtin_memcpy(p + 2, &found, sizeof(found));
    return piece(ctx, s, c, p, at, n);
}

int step_backlog(struct bpf_raw_tracepoint_args *ctx) {
    STEP
    uint64_t sock = socket_of(s, st->a);
    if(!sock) return piece(ctx, s, c, p, at, -1);
    uint32_t *to = (void *)(p + 2);
    to[0] = number(sock, OFF_BACKLOG);
    to[1] = number(sock, OFF_MAX_BACKLOG);
    return piece(ctx, s, c, p, at, 8);
}

/* ---- steps ---- the calling thread */

INLINE void read_memory(struct probe_mm *to, uint64_t mm) {
    uint32_t pages = number(mm, OFF_RSS + SIZE_RSS * 0) + number(mm, OFF_RSS + SIZE_RSS * 1) +
                     number(mm, OFF_RSS + SIZE_RSS * 3);
    to->vm_size = mm ? (uint32_t)pointer(mm, OFF_TOTAL_VM) << 2 : 0;
    to->vm_rss = mm ? pages << 2 : 0;
    to->vm_swap = mm ? number(mm, OFF_RSS + SIZE_RSS * 2) << 2 : 0;
}

int step_mm(struct bpf_raw_tracepoint_args *ctx) {
    STEP
    struct probe_mm mm = {};
    read_memory(&mm, pointer(bpf_get_current_task(), OFF_MM));
    __builtin_memcpy(p + 2, &mm, sizeof(mm));
    return piece(ctx, s, c, p, at, sizeof(mm));
}

int step_caps(struct bpf_raw_tracepoint_args *ctx) {
    STEP
    uint64_t cred = pointer(bpf_get_current_task(), OFF_CRED);
    struct probe_caps caps = {};
    caps.cap_inheritable = pointer(cred, OFF_CAP_INHERITABLE);
    caps.cap_permitted = pointer(cred, OFF_CAP_PERMITTED);
    caps.cap_effective = pointer(cred, OFF_CAP_EFFECTIVE);
    __builtin_memcpy(p + 2, &caps, sizeof(caps));
    return piece(ctx, s, c, p, at, sizeof(caps));
}

int step_task(struct bpf_raw_tracepoint_args *ctx) {
    STEP
    uint64_t task = bpf_get_current_task();
    uint64_t signal = pointer(task, OFF_SIGNAL);
    uint64_t cred = pointer(task, OFF_CRED);
    struct probe_task t = {};
    struct probe_mm mm = {};
    t.fdlimit = pointer(signal, OFF_NOFILE);
    t.pgft_maj = pointer(task, OFF_MAJ_FLT);
    t.pgft_min = pointer(task, OFF_MIN_FLT);
    t.cap_inheritable = pointer(cred, OFF_CAP_INHERITABLE);
    t.cap_permitted = pointer(cred, OFF_CAP_PERMITTED);
    t.cap_effective = pointer(cred, OFF_CAP_EFFECTIVE);
    uint64_t id = bpf_get_current_pid_tgid();
    t.tid = id;
    t.pid = id >> 32;
    t.ptid = number(pointer(task, OFF_REAL_PARENT), OFF_PID);
    uint64_t thread_pid = pointer(task, OFF_THREAD_PID);
    uint64_t group = pointer(signal, OFF_PIDS + 8 * PIDTYPE_TGID);
    uint64_t process_group = pointer(signal, OFF_PIDS + 8 * PIDTYPE_PGID);
    t.vtid = virtual_pid(thread_pid);
    t.vpid = virtual_pid(group);
    t.vpgid = virtual_pid(process_group);
    t.pgid = number(process_group, OFF_PID_NUMBERS + OFF_UPID_NR);
    uint64_t ns = pid_namespace(thread_pid);
    t.pidns_start = pointer(pointer(pid_namespace(group), OFF_NS_REAPER), OFF_START_TIME);
    t.in_pidns = number(ns, OFF_NS_LEVEL) != 0 ||
                 pointer(pointer(task, OFF_NSPROXY), OFF_NS_FOR_CHILDREN) != ns;
    t.euid = number(cred, OFF_EUID);
    t.egid = number(cred, OFF_EGID);
    t.fsuid = number(cred, OFF_FSUID);
    t.fsgid = number(cred, OFF_FSGID);
    t.loginuid = HAS_LOGINUID ? number(task, OFF_LOGINUID) : (uint32_t)-1;
    uint64_t tty = pointer(signal, OFF_TTY);
    if(tty) {
        uint64_t driver = pointer(tty, OFF_TTY_DRIVER);
        uint32_t minor = number(driver, OFF_MINOR_START) + number(tty, OFF_TTY_INDEX);
        uint32_t major = number(driver, OFF_MAJOR);
        t.tty = (minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12);
    }
    read_memory(&mm, pointer(task, OFF_MM));
    t.vm_size = mm.vm_size;
    t.vm_rss = mm.vm_rss;
    t.vm_swap = mm.vm_swap;
    bpf_get_current_comm(t.comm, sizeof(t.comm));
    __builtin_memcpy(p + 2, &t, sizeof(t));
    return piece(ctx, s, c, p, at, sizeof(t));
}

INLINE int64_t read_area(uint8_t *to, uint64_t start, uint64_t end) {
    uint64_t n = end - start;
    if(!start || start >= end) return -1;
    if(n > TEXT) n = TEXT;
    if(!bpf_probe_read_user(to, n, (void *)start)) return n;
    /* Some of its pages are not in memory: the first text may be. */
    return user_text(to, start);
}

int step_args(struct bpf_raw_tracepoint_args *ctx) {
    STEP
    uint64_t mm = pointer(bpf_get_current_task(), OFF_MM);
    int64_t n = read_area(p + 2, pointer(mm, OFF_ARG_START), pointer(mm, OFF_ARG_END));
    return piece(ctx, s, c, p, at, n);
}

int step_env(struct bpf_raw_tracepoint_args *ctx) {
    STEP
    uint64_t mm = pointer(bpf_get_current_task(), OFF_MM);
    int64_t n = read_area(p + 2, pointer(mm, OFF_ENV_START), pointer(mm, OFF_ENV_END));
    return piece(ctx, s, c, p, at, n);
}

int step_argv(struct bpf_raw_tracepoint_args *ctx) {
    STEP
    uint64_t from = s->arg[st->a & 7];
    uint32_t n = 0;
    ROLLED
    for(int i = 0; i < 16; i++) {
        uint64_t text = 0;
        if(s->compat) {
            uint32_t narrow = 0;
            bpf_probe_read_user(&narrow, 4, (void *)(from + 4 * i));
            text = narrow;
        } else {
            bpf_probe_read_user(&text, 8, (void *)(from + 8 * i));
        }
        if(!text) break;
        if(n >= TEXT) break;
        int64_t got = bpf_probe_read_user_str(p + 2 + n, TEXT, (void *)text);
        if(got <= 0 || got > TEXT) break;
        n += got;
    }
    if(n > TEXT) {
        n = TEXT;
        p[2 + TEXT - 1] = 0;
    }
    return piece(ctx, s, c, p, at, n ? n : -1);
}

int step_cgroups(struct bpf_raw_tracepoint_args *ctx) {
    STEP
    const int controllers[] = {SUBSYS_CPUSET, SUBSYS_CPU, SUBSYS_CPUACCT, SUBSYS_IO, SUBSYS_MEMORY};
    uint64_t set = pointer(bpf_get_current_task(), OFF_CGROUPS);
    uint32_t n = 0;
#pragma unroll
    for(int i = 0; i < 5; i++) {
        uint32_t count_at = n & 0x3fff;
        uint8_t count = 0;
        n = count_at + 1;
        if(controllers[i] < 0) {
            p[2 + count_at] = 255;
            continue;
        }
        uint64_t css = pointer(set, OFF_SUBSYS + 8 * controllers[i]);
        uint64_t kn = pointer(pointer(css, OFF_CSS_CGROUP), OFF_CGROUP_KN);
        ROLLED
        for(int level = 0; level < 8; level++) {
            if(!kn) break;
            uint64_t name = pointer(kn, OFF_KN_NAME);
            OPAQUE(n);
            n &= 0x3fff;
            int64_t got = bpf_probe_read_kernel_str(p + 2 + n, 256, (void *)name);
            if(got <= 0 || got > 256) break;
            n += got;
            count++;
            kn = pointer(kn, OFF_KN_PARENT);
        }
        p[2 + count_at] = count | (kn ? 128 : 0);
    }
    return piece(ctx, s, c, p, at, n & 0x3fff);
}

INLINE int is_memfd(uint64_t file) {
    uint64_t dentry = pointer(file, OFF_F_PATH + OFF_PATH_DENTRY);
    if(pointer(dentry, OFF_D_PARENT) != dentry) return 0;
    char name[8] = {};
    bpf_probe_read_kernel(name, 6, (void *)pointer(dentry, OFF_D_NAME + OFF_QSTR_NAME));
    return name[0] == 'm' && name[1] == 'e' && name[2] == 'm' && name[3] == 'f' &&
           name[4] == 'd' && name[5] == ':';
}

int step_exe(struct bpf_raw_tracepoint_args *ctx) {
    STEP
    uint64_t task = bpf_get_current_task();
    uint64_t file = file_of(s, EXECUTABLE);
    if(!file) return piece(ctx, s, c, p, at, -1);
    struct probe_exe *e = (void *)(p + 2);
    uint64_t inode = pointer(file, OFF_F_INODE);
    uint64_t cred = pointer(task, OFF_CRED);
    e->ino = pointer(inode, OFF_I_INO);
    e->ctime_sec = pointer(inode, OFF_CTIME_SEC);
    e->mtime_sec = pointer(inode, OFF_MTIME_SEC);
    /* The top bit is the kernel's own (since 6.13: the time was asked for). */
    e->ctime_nsec = number(inode, OFF_CTIME_NSEC) & 0x7fffffff;
    e->mtime_nsec = number(inode, OFF_MTIME_NSEC);
    e->uid = number(inode, OFF_I_UID);
    e->gid = number(inode, OFF_I_GID);
    e->flags = number(inode, OFF_I_FLAGS);
    e->mode = small(inode, OFF_I_MODE);
    e->sb_flags = pointer(pointer(inode, OFF_I_SB), OFF_S_FLAGS);
    e->layer = layer_of(file);
    e->memfd = is_memfd(file);
    uint64_t ns = pointer(cred, OFF_USER_NS);
    e->uid_extents = number(ns, OFF_UID_MAP + OFF_NR_EXTENTS);
    e->gid_extents = number(ns, OFF_GID_MAP + OFF_NR_EXTENTS);
    bpf_probe_read_kernel(e->uids, sizeof(e->uids), (void *)(ns + OFF_UID_MAP + OFF_EXTENT));
    bpf_probe_read_kernel(e->gids, sizeof(e->gids), (void *)(ns + OFF_GID_MAP + OFF_EXTENT));
    uint64_t info = pointer(cred, OFF_GROUP_INFO);
    uint32_t groups = info ? number(info, OFF_NGROUPS) : 0;
    if(groups > 64) groups = 64;
    e->groups = groups;
    if(groups) bpf_probe_read_kernel(e + 1, groups * 4, (void *)(info + OFF_GROUP_GID));
    return piece(ctx, s, c, p, at, sizeof(*e) + groups * 4);
}

/* Names from a file up to the root of its name space, over mounts; one byte before them says 1 when
   there is no path, only the name of a file that is nowhere. */
int step_dpath(struct bpf_raw_tracepoint_args *ctx) {
    STEP
    uint64_t file = file_of(s, st->a);
    if(!file) return piece(ctx, s, c, p, at, -1);
    uint64_t dentry = pointer(file, OFF_F_PATH + OFF_PATH_DENTRY);
    uint64_t vfsmount = pointer(file, OFF_F_PATH + OFF_PATH_MNT);
    uint64_t mount = vfsmount - OFF_MNT;
    uint64_t root = pointer(vfsmount, OFF_MNT_ROOT);
    uint32_t n = 1;
    p[2] = 0;
    ROLLED
    for(int i = 0; i < 48; i++) {
        uint64_t parent = pointer(dentry, OFF_D_PARENT);
        if(dentry == root) {
            uint64_t above = pointer(mount, OFF_MNT_PARENT);
            if(above == mount || !above) break;
            dentry = pointer(mount, OFF_MNT_MOUNTPOINT);
            mount = above;
            root = pointer(mount + OFF_MNT, OFF_MNT_ROOT);
            continue;
        }
        if(dentry == parent || !parent) break;
        OPAQUE(n);
        n &= 0x1fff;
        int64_t got = bpf_probe_read_kernel_str(
            p + 2 + n, 256, (void *)pointer(dentry, OFF_D_NAME + OFF_QSTR_NAME));
        if(got <= 1 || got > 256) break;
        n += got;
        dentry = parent;
    }
    if(n == 1) {
        int64_t got = bpf_probe_read_kernel_str(
            p + 3, 256, (void *)pointer(dentry, OFF_D_NAME + OFF_QSTR_NAME));
        p[2] = 1;
        if(got > 0 && got <= 256) n += got;
    }
    return piece(ctx, s, c, p, at, n & 0x3fff);
}
