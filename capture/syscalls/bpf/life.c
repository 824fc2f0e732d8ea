/* The life of processes: exec, fork and exit, by the scheduler's tracepoints. */

#ifdef CONTAINERS
/* Whether a cgroup's name holds the beginning of a container's id: the id itself, or after the dash of
   names as docker-ID.scope. */
INLINE int names_container(uint64_t name) {
    char text[96] = {};
    read_kernel_text(text, sizeof(text), (void *)name);
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
