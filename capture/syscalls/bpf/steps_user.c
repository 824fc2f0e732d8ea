/* Steps: what begins each, and texts and buffers of the process. */

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

int step_str(struct bpf_raw_tracepoint_args *ctx) {
    STEP
    return piece(ctx, s, c, p, at, user_text(p + 2, s->arg[st->a & 7]));
}

int step_kstr(struct bpf_raw_tracepoint_args *ctx) {
    STEP
#ifdef PLAIN
    /* The name of a program that begins lies on its stack: step_args found it. */
    int64_t n = s->arg[0] ? user_text(p + 2, s->arg[0]) : -1;
#else
    int64_t n = read_kernel_text(p + 2, TEXT, (void *)s->arg[st->a & 7]);
#endif
    return piece(ctx, s, c, p, at, n > 0 ? n : -1);
}

int step_user(struct bpf_raw_tracepoint_args *ctx) {
    STEP
    uint32_t n = st->size & 127;
    /* Two words to us, such as limits and times, are two halves to a 32-bit program. */
    if(s->compat && n == 16) return piece(ctx, s, c, p, at, -1);
    int64_t failed = read_user(p + 2, n, (void *)s->arg[st->a & 7]);
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
            read_user(&length, sizeof(length), (void *)n);
            n = length;
        }
    }
    if(n > most) n = most;
    if(n > MAX_SNAPLEN) n = MAX_SNAPLEN;
    int64_t failed = read_user(p + 2, n, (void *)s->arg[st->a & 7]);
    return piece(ctx, s, c, p, at, failed ? -1 : (int64_t)n);
}

int step_pollfds(struct bpf_raw_tracepoint_args *ctx) {
    STEP
    uint64_t n = (uint32_t)s->arg[st->b & 7];
    if(n > 16) n = 16;
    int64_t failed = read_user(p + 2, n * 8, (void *)s->arg[st->a & 7]);
    return piece(ctx, s, c, p, at, failed ? -1 : (int64_t)n * 8);
}

int step_saddr(struct bpf_raw_tracepoint_args *ctx) {
    STEP
    uint64_t n = (uint16_t)s->arg[st->b & 7];
    if(n > 128) n = 128;
    int64_t failed = read_user(p + 2, n, (void *)s->arg[st->a & 7]);
    return piece(ctx, s, c, p, at, failed || !n ? -1 : (int64_t)n);
}

INLINE int64_t read_name(uint8_t *to, uint64_t from) {
    if(!from) return -1;
    if(!read_user(to, 28, (void *)from)) return 28;
    return read_user(to, 16, (void *)from) ? -1 : 16;
}

int step_name(struct bpf_raw_tracepoint_args *ctx) {
    STEP
    return piece(ctx, s, c, p, at, read_name(p + 2, s->arg[st->a & 7]));
}

INLINE int64_t read_area(uint8_t *to, uint64_t start, uint64_t end) {
    uint64_t n = end - start;
    if(!start || start >= end) return -1;
    if(n > TEXT) n = TEXT;
    if(!read_user(to, n, (void *)start)) return n;
    /* Some of its pages are not in memory: the first text may be. */
    return user_text(to, start);
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
            read_user(&narrow, 4, (void *)(from + 4 * i));
            text = narrow;
        } else {
            read_user(&text, 8, (void *)(from + 8 * i));
        }
        if(!text) break;
        if(n >= TEXT) break;
        int64_t got = read_user_text(p + 2 + n, TEXT, (void *)text);
        if(got <= 0 || got > TEXT) break;
        n += got;
    }
    if(n > TEXT) {
        n = TEXT;
        p[2 + TEXT - 1] = 0;
    }
    return piece(ctx, s, c, p, at, n ? n : -1);
}
