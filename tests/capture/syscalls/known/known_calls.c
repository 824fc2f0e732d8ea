// Makes system calls of some eighty kinds whose arguments are known, and says as JSON lines, at the end,
// which events a recorder must have seen. `known_calls FOLDER`: an empty folder, absolute, to work in.
// Between two closes of the impossible descriptors 987654 and 987655 there is nothing that is not said.
#define _GNU_SOURCE
#include "files.h"
#include "old_names.h"
#include "others.h"

int main(int count, char **arguments) {
    if(count == 4 && !strcmp(arguments[3], "--done")) return 7;  // run by itself
    if(count != 2) return 2;
    static char path[4096], comm[16];
    folder = arguments[1];
    if(readlink("/proc/self/exe", path, sizeof path - 1) < 0 || chdir(folder)) return 2;
    own_path = path;
    if(stat(path, &own_file)) return 2;
    strncpy(comm, strrchr(path, '/') + 1, 15);
    own_comm = comm;
    umask(0);
    own_pid = said_for = getpid();
    geteuid_known = (int)geteuid();
    getegid_known = (int)getegid();

    call(SYS_close, 987654);
    say("SYSCALL_CLOSE_X", "\"res\":-9,\"fd\":987654");
    field("proc.name", "\"%s\"", own_comm);
    field("proc.pid", "%ld", own_pid);
    field("proc.exepath", "\"%s\"", own_path);
    field("user.uid", "%d", geteuid_known);
    opens();
    reads_and_writes();
    names();
    old_names();
    descriptors();
    memory_and_limits();
    internet();
    datagrams();
    internet6();
    local();
    refused();
    many();
    clones();
    runs();
    signals();
    if(!geteuid_known) {
        other_user();
        namespaces();
    }
    call(SYS_close, 987655);
    say("SYSCALL_CLOSE_X", "\"res\":-9,\"fd\":987655");
    say_all();
    return unexpected > 99 ? 99 : unexpected;
}
