/* Steps: open files and sockets. */

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
        read_kernel(found.local, 16,
                              (void *)(pointer(sock, OFF_PINET6) + OFF_INET6_SADDR));
        read_kernel(found.remote, 16, (void *)(sock + OFF_DADDR6));
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
            read_kernel(&first, 1, (void *)path);
            if(!first) path++;  /* the abstract name space */
            int64_t length = read_kernel_text(p + 2 + sizeof(found), 109, (void *)path);
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
