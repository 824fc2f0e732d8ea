/* Steps: the executable of the process, and paths of files. */

INLINE int is_memfd(uint64_t file) {
    uint64_t dentry = pointer(file, OFF_F_PATH + OFF_PATH_DENTRY);
    if(pointer(dentry, OFF_D_PARENT) != dentry) return 0;
    char name[8] = {};
    read_kernel(name, 6, (void *)pointer(dentry, OFF_D_NAME + OFF_QSTR_NAME));
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
    read_kernel(e->uids, sizeof(e->uids), (void *)(ns + OFF_UID_MAP + OFF_EXTENT));
    read_kernel(e->gids, sizeof(e->gids), (void *)(ns + OFF_GID_MAP + OFF_EXTENT));
    uint64_t info = pointer(cred, OFF_GROUP_INFO);
    uint32_t groups = info ? number(info, OFF_NGROUPS) : 0;
    if(groups > 64) groups = 64;
    e->groups = groups;
    if(groups) read_kernel(e + 1, groups * 4, (void *)(info + OFF_GROUP_GID));
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
        int64_t got = read_kernel_text(
            p + 2 + n, 256, (void *)pointer(dentry, OFF_D_NAME + OFF_QSTR_NAME));
        if(got <= 1 || got > 256) break;
        n += got;
        dentry = parent;
    }
    if(n == 1) {
        int64_t got = read_kernel_text(
            p + 3, 256, (void *)pointer(dentry, OFF_D_NAME + OFF_QSTR_NAME));
        p[2] = 1;
        if(got > 0 && got <= 256) n += got;
    }
    return piece(ctx, s, c, p, at, n & 0x3fff);
}
