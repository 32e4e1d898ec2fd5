/* Preloaded (LD_PRELOAD) it makes each flush take as long as FLUSH_US says, as a disk without a cache to answer from does:
   figures then speak of commits, not of how fast this machine pretends to have written. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

static void wait_as_a_disk_would(void) {
    static long us = -1;
    if (us < 0) {
        const char *text = getenv("FLUSH_US");
        us = text ? atol(text) : 0;
    }
    struct timespec left = {us / 1000000, us % 1000000 * 1000};
    nanosleep(&left, NULL);
}

int fdatasync(int fd) {
    static int (*real)(int);
    if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    wait_as_a_disk_would();
    return real(fd);
}

int fsync(int fd) {
    static int (*real)(int);
    if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    wait_as_a_disk_would();
    return real(fd);
}
