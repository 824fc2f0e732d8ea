/* Waits for a byte, then makes calls as 32-bit programs do: open, close, socket through socketcall, and
   an execve of a program that is not there. To be linked statically and at a fixed place, below 4 GiB. */
#include <unistd.h>

static char path[] = "/etc/passwd", program[] = "/no/such", zero[] = "zero", one[] = "one";
static unsigned socket_arguments[3] = {2, 1, 0}, argv[3];

static long call(long number, long a, long b, long c) {
    long result;
    __asm__ volatile("int $0x80"
                     : "=a"(result)
                     : "a"(number), "b"(a), "c"(b), "d"(c)
                     : "memory", "r8", "r9", "r10", "r11");
    return result;
}

int main(void) {
    char go;
    if(read(0, &go, 1) != 1) return 1;
    const long fd = call(5, (long)path, 0, 0);
    call(6, fd, 0, 0);
    call(102, 1, (long)socket_arguments, 0);
    argv[0] = (unsigned)(long)zero;
    argv[1] = (unsigned)(long)one;
    call(11, (long)program, (long)argv, 0);
    return fd < 0;
}
