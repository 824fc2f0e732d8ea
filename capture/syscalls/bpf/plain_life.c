/* The life of processes where nothing is known of the kernel's structures: tasks are mere numbers. */

#ifdef TREE
int on_fork(struct bpf_raw_tracepoint_args *ctx) {
    uint64_t child = ctx->args[1];
    uint32_t parent = bpf_get_current_pid_tgid() >> 32;
    if(is_tracked(parent)) newborn.update(&child, &parent);
    return 0;
}
#endif

/* What a process ended with, and who gets its children, is not told: its third argument says so. */
int on_exit(struct bpf_raw_tracepoint_args *ctx) {
    uint32_t call = CALL_EXIT;
    struct probe_call *c = call_of(call);
    uint64_t id = bpf_get_current_pid_tgid();
    uint64_t arg[6] = {0, 0, 1};
    if(!c || !c->wanted || left_out(id)) return 0;
    if(write_call(call, 0, id, 3, arg)) lose(call, 1);
    return 0;
}
