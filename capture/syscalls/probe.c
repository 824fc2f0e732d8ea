/* The probe: turns what a system call did into a record of capture/syscalls/native/record.h.

   Compiled by bcc when a capture starts, after that header, bpf/maps.c and the offsets that capture/
   syscalls/offsets.py finds (OFF_...). Nothing is taken from kernel headers but types of fixed width: where the kernel
   that runs keeps things is known from its own BTF.

   on_sys_exit looks a call up and writes calls without pieces at once. Others go through programs, one
   a kind of step (bpf/steps_*.c), that append to the CPU's scratch and call the next one. bpf/life.c has
   the tracepoints of a process's life. */

INLINE uint64_t pointer(uint64_t base, uint32_t offset) {
    uint64_t value = 0;
    read_kernel(&value, sizeof(value), (void *)(base + offset));
    return value;
}

INLINE uint32_t number(uint64_t base, uint32_t offset) {
    uint32_t value = 0;
    read_kernel(&value, sizeof(value), (void *)(base + offset));
    return value;
}

INLINE uint16_t small(uint64_t base, uint32_t offset) {
    uint16_t value = 0;
    read_kernel(&value, sizeof(value), (void *)(base + offset));
    return value;
}

/* ---- who is recorded ---- */

/* id: bpf_get_current_pid_tgid(). */
INLINE int left_out(uint64_t id) {
    uint32_t tgid = id >> 32;
    if(is_excluded(tgid)) return 1;
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
        go_on(ctx, kind);
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
        go_on(ctx, kind);
    }
    return 0;
}

/* A text of the process; with its NUL also where it is empty, of which the kernel tells nothing. */
INLINE int64_t user_text(uint8_t *to, uint64_t from) {
    int64_t n = read_user_text(to, TEXT, (void *)from);
    if(n) return n;
    *to = 0;
    return 1;
}

/* ---- open files ---- */

#ifdef PLAIN
/* Where nothing is known of the kernel's structures, there are no open files to see. */
INLINE uint64_t file_of(struct scratch *s, uint32_t which) {
    return 0;
}

INLINE int64_t read_file(struct probe_file *to, uint64_t file) {
    return -1;
}
#else
INLINE uint64_t file_of(struct scratch *s, uint32_t which) {
    uint64_t task = bpf_get_current_task();
    if(which == EXECUTABLE) return pointer(pointer(task, OFF_MM), OFF_EXE_FILE);
    int32_t fd;
    if(which == RESULT) {
        fd = s->result;
    } else if(which >= POINTED) {
        fd = -1;
        read_user(&fd, sizeof(fd), (void *)s->arg[which & 7]);
    } else {
        fd = s->arg[which & 7];
    }
    if(fd < 0) return 0;
#ifdef TYPED
    void *thread = current_task(), *files, *table;
    uint32_t room;
    uint64_t slots;
    LOAD64(files, thread, OFF_FILES);
    LOAD64(table, files, OFF_FDT);
    LOAD32(room, table, OFF_MAX_FDS);
    LOAD64(slots, table, OFF_FD);
    return (uint32_t)fd < room ? pointer(slots, 8 * (uint32_t)fd) : 0;
#else
    /* A small table of files is part of the struct that points to it. */
    uint8_t part[FILES_PART];
    uint64_t files = pointer(task, OFF_FILES);
    if(read_kernel(part, sizeof(part), (void *)(files + FILES_START))) return 0;
    uint8_t *table = part + OFF_FDTAB - FILES_START;
    uint64_t at = *(uint64_t *)(part + OFF_FDT - FILES_START);
    if(at != files + OFF_FDTAB) {
        if(read_kernel(table, FDTABLE, (void *)at)) return 0;
    }
    if((uint32_t)fd >= *(uint32_t *)(table + OFF_MAX_FDS)) return 0;
    return pointer(*(uint64_t *)(table + OFF_FD), 8 * (uint32_t)fd);
#endif
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
    if(!file || read_kernel(f, sizeof(f), (void *)file)) return -1;
    uint64_t at = *(uint64_t *)(f + OFF_F_INODE);
    if(read_kernel(inode, sizeof(inode), (void *)(at + INODE_START))) return -1;
    uint64_t sb = *(uint64_t *)(inode + OFF_I_SB - INODE_START);
    to->ino = *(uint64_t *)(inode + OFF_I_INO - INODE_START);
    to->fmode = *(uint32_t *)(f + OFF_F_MODE);
    uint8_t super[SUPER_PART];
    if(read_kernel(super, sizeof(super), (void *)(sb + SUPER_START))) return -1;
    to->dev = *(uint32_t *)(super + OFF_S_DEV - SUPER_START);
    to->layer =
        *(uint32_t *)(super + OFF_S_MAGIC - SUPER_START) == OVERLAYFS ? layer_of(file) : 0;
    return sizeof(*to);
}
#endif

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

/* Registers at the system call, by their offsets in pt_regs; what 32-bit programs pass lies otherwise. */
#define DI 112
#define SI 104
#define DX 96
#define R10 56
#define R8 72
#define R9 64
#define BP 32
#define BX 40
#define CX 88
#define ORIG_AX 120
#define CS 136
#define SP 152
#define USER32_CS 0x23

INLINE int64_t write_call(uint32_t call, int64_t result, uint64_t id, uint32_t kept, uint64_t *arg) {
    uint32_t cpu = bpf_get_smp_processor_id();
    void *to = ring_of(cpu);
    struct probe_record *r;
    if(!to) return 0;
    if(kept == 0) {
        r = bpf_ringbuf_reserve(to, sizeof(*r), 0);
        if(!r) return -1;
    } else if(kept == 1) {
        r = bpf_ringbuf_reserve(to, sizeof(*r) + 8, 0);
        if(!r) return -1;
        ((uint64_t *)(r + 1))[0] = arg[0];
    } else if(kept == 3) {
        r = bpf_ringbuf_reserve(to, sizeof(*r) + 3 * 8, 0);
        if(!r) return -1;
        for(int i = 0; i < 3; i++) ((uint64_t *)(r + 1))[i] = arg[i];
    } else {
        r = bpf_ringbuf_reserve(to, sizeof(*r) + 6 * 8, 0);
        if(!r) return -1;
        for(int i = 0; i < 6; i++) ((uint64_t *)(r + 1))[i] = arg[i];
    }
    head(r, call, result, id, cpu);
    bpf_ringbuf_submit(r, NO_WAKEUP);
    return 0;
}

#ifdef PLAIN
/* Without the kernel's types: a program that begins, by the stack it finds. */

/* Registers are empty when a program begins; any other call with these numbers fails then. */
INLINE int is_begun(uint64_t regs, uint32_t call, int64_t result) {
    if(result || (call != 59 && call != 322 && call != 11 && call != 358)) return 0;
    return !pointer(regs, DI) && !pointer(regs, SI) && !pointer(regs, DX);
}

INLINE int begun(struct bpf_raw_tracepoint_args *ctx, uint64_t regs, int narrow) {
    uint32_t call = CALL_EXEC;
    struct probe_call *c = call_of(call);
    uint64_t id = bpf_get_current_pid_tgid();
    if(!c || !c->wanted || left_out(id)) return 0;
    uint64_t arg[6] = {pointer(regs, SP)};
    return begin(ctx, c, call, 0, id, arg, narrow);
}

#ifdef TREE
/* The first return of a new process says whether its parent is recorded: its task, a mere number here,
   was kept when it was made. What was known of an older process of this number ends. */
INLINE void greet(uint32_t call) {
    if(call != 56 && call != 57 && call != 58 && call != 435) return;
    uint64_t task = bpf_get_current_task();
    uint64_t id = bpf_get_current_pid_tgid();
    uint32_t *parent = newborn.lookup(&task);
    uint8_t on = parent && is_tracked(*parent);
    if((uint32_t)id == id >> 32) track(id >> 32, on);
    if(parent) newborn.delete(&task);
}
#endif
#endif

int on_sys_exit(struct bpf_raw_tracepoint_args *ctx) {
    THREAD
    int64_t result = ctx->args[1];
    uint64_t number_of_call;
    REGISTER(number_of_call, ORIG_AX);
    uint32_t call = number_of_call;
    uint32_t compat = 0;
    if(call >= 512) return 0;
#ifdef PLAIN
    /* The segment of its code tells a 32-bit program; what called int 0x80 from 64 bits is not seen. */
    uint64_t segment;
    REGISTER(segment, CS);
    int narrow = segment == USER32_CS;
    if(is_begun(regs, call, result)) return begun(ctx, regs, narrow);
    if(narrow) {
#elif defined(IA32)
    uint32_t status;
    OF_THREAD(status, OFF_STATUS);
    if(status & TS_COMPAT) {
#endif
#ifdef IA32
        call = ia32_of(call);
        compat = 1;
        if(call == SOCKETCALL) {
            uint64_t which;
            REGISTER(which, BX);
            call = ia32_of(512 + (which & 31));
            compat = 2;
        }
    }
#endif
#if defined(PLAIN) && defined(TREE)
    if(result == 0) greet(call);
#endif
    struct probe_call *c = call_of(call);
    if(!c || !c->wanted) return 0;
    uint64_t id;
    THREAD_ID(id);
    if(left_out(id)) return 0;
    if(c->failures_only && result >= 0) return 0;

    uint32_t kept = c->arguments;
    uint64_t arg[6] = {};
#ifdef IA32
    if(compat == 1) {
        REGISTER(arg[0], BX);
        REGISTER(arg[1], CX);
        REGISTER(arg[2], DX);
        REGISTER(arg[3], SI);
        REGISTER(arg[4], DI);
        REGISTER(arg[5], BP);
        for(int i = 0; i < 6; i++) arg[i] = (uint32_t)arg[i];
    } else if(compat) {
        uint64_t at;
        uint32_t words[6] = {};
        REGISTER(at, CX);
        read_user(words, sizeof(words), (void *)(uint64_t)(uint32_t)at);
        for(int i = 0; i < 6; i++) arg[i] = words[i];
    } else
#endif
    if(kept) {
        REGISTER(arg[0], DI);
        if(kept > 1) {
            REGISTER(arg[1], SI);
            REGISTER(arg[2], DX);
        }
        if(kept > 3) {
            REGISTER(arg[3], R10);
            REGISTER(arg[4], R8);
            REGISTER(arg[5], R9);
        }
    }
    if(c->step[0].kind) return begin(ctx, c, call, result, id, arg, compat);
    if(write_call(call, result, id, kept, arg)) lose(call, 1);
    return 0;
}
