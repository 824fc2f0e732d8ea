/* Steps: the calling thread, its memory, arguments and cgroups. */

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
            int64_t got = read_kernel_text(p + 2 + n, 256, (void *)name);
            if(got <= 0 || got > 256) break;
            n += got;
            count++;
            kn = pointer(kn, OFF_KN_PARENT);
        }
        p[2 + count_at] = count | (kn ? 128 : 0);
    }
    return piece(ctx, s, c, p, at, n & 0x3fff);
}
