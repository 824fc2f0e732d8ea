/* Steps where nothing is known of the kernel's structures: what the process itself says, and what
   helpers tell. The rest is read from /proc when the record is (capture/syscalls/proc_details.py). */

#define NOT_KNOWN(step)                               \
    int step(struct bpf_raw_tracepoint_args *ctx) {   \
        STEP                                          \
        return piece(ctx, s, c, p, at, -1);           \
    }

NOT_KNOWN(step_file)
NOT_KNOWN(step_backlog)
NOT_KNOWN(step_dpath)
NOT_KNOWN(step_exe)
NOT_KNOWN(step_caps)
NOT_KNOWN(step_mm)
NOT_KNOWN(step_cgroups)

/* Of a connection, the end that the program names or is told. */
int step_sock(struct bpf_raw_tracepoint_args *ctx) {
    STEP
    struct probe_socket found = {};
    uint8_t name[28] = {};
    int connects = s->call == 42, accepts = s->call == 43 || s->call == 288;
    if((!connects && !accepts) || (accepts && s->result < 0))
        return piece(ctx, s, c, p, at, -1);
    if(read_name(name, s->arg[1]) < 0) return piece(ctx, s, c, p, at, -1);
    found.family = *(uint16_t *)name;
    if(found.family == AF_INET) {
        *(uint32_t *)found.remote = *(uint32_t *)(name + 4);
    } else if(found.family == AF_INET6) {
        __builtin_memcpy(found.remote, name + 8, 16);
    } else {
        return piece(ctx, s, c, p, at, -1);
    }
    found.remote_port = *(uint16_t *)(name + 2);
    __builtin_memcpy(p + 2, &found, sizeof(found));
    return piece(ctx, s, c, p, at, sizeof(found));
}

int step_task(struct bpf_raw_tracepoint_args *ctx) {
    STEP
    struct probe_task t = {};
    uint64_t id = bpf_get_current_pid_tgid();
    uint64_t user = bpf_get_current_uid_gid();
    t.tid = t.vtid = id;
    t.pid = t.vpid = id >> 32;
    t.euid = t.fsuid = user;
    t.egid = t.fsgid = user >> 32;
    t.loginuid = -1;
    bpf_get_current_comm(t.comm, sizeof(t.comm));
    __builtin_memcpy(p + 2, &t, sizeof(t));
    return piece(ctx, s, c, p, at, sizeof(t));
}

INLINE uint64_t word(struct scratch *s, uint64_t base, uint64_t index) {
    uint64_t wide = 0;
    uint32_t narrow = 0;
    if(!s->compat) {
        read_user(&wide, 8, (void *)(base + 8 * index));
        return wide;
    }
    read_user(&narrow, 4, (void *)(base + 4 * index));
    return narrow;
}

#define AT_EXECFN 31
#define VARIABLES 2048

/* When a program begins, its stack holds: how many arguments there are; their addresses, then those of
   the environment, each list ended by 0; pairs of numbers, one of which tells the name of the file
   that was asked for. The texts lie one after the other, that name after them. */
int step_args(struct bpf_raw_tracepoint_args *ctx) {
    STEP
    if(s->call != CALL_EXEC) return piece(ctx, s, c, p, at, -1);
    uint64_t stack = s->arg[0];
    uint64_t count = word(s, stack, 0);
    uint64_t first = word(s, stack, 1);
    uint64_t variable = word(s, stack, count + 2);
    uint64_t place = count + 2;
    uint64_t name = 0;
    ROLLED
    for(int i = 0; i < VARIABLES; i++) {
        if(!word(s, stack, place)) break;
        place++;
    }
    place++;
    ROLLED
    for(int i = 0; i < 32; i++) {
        uint64_t kind = word(s, stack, place);
        if(!kind) break;
        if(kind == AT_EXECFN) {
            name = word(s, stack, place + 1);
            break;
        }
        place += 2;
    }
    s->arg[0] = name;
    s->arg[1] = variable;
    s->arg[2] = name;
    uint64_t end = variable ? variable : name;
    int64_t n = count && first && end > first ? read_area(p + 2, first, end) : -1;
    return piece(ctx, s, c, p, at, n);
}

int step_env(struct bpf_raw_tracepoint_args *ctx) {
    STEP
    int64_t n = s->arg[1] ? read_area(p + 2, s->arg[1], s->arg[2]) : -1;
    return piece(ctx, s, c, p, at, n);
}
