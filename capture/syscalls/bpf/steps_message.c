/* Steps: scattered buffers and messages. */

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
    int64_t failed = s->compat ? -1 : read_user(&m, sizeof(m), (void *)from);
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
        read_user(&length, sizeof(length), (void *)(from + 56));
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
        if(read_user(one, sizeof(one), (void *)(s->iov + 16 * i)))
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
        if(read_user(p + 2 + n, want, (void *)one[0])) break;
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
    int64_t failed = read_user(p + 2, n, (void *)s->name);
    return piece(ctx, s, c, p, at, failed || !n ? -1 : (int64_t)n);
}

int step_mcontrol(struct bpf_raw_tracepoint_args *ctx) {
    STEP
    uint64_t n = s->control ? s->control_size : 0;
    if(n > MAX_CONTROL) n = MAX_CONTROL;
    int64_t failed = read_user(p + 2, n, (void *)s->control);
    return piece(ctx, s, c, p, at, failed || !n ? -1 : (int64_t)n);
}
