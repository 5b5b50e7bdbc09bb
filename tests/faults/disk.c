/* A failing disk for a program started with LD_PRELOAD: calls on the store's files (bridge.db…) fail or hang while the
 * file named by $DISK_FAULT exists with two words: the fault (eio, enospc, erofs, hang) and the calls that it affects
 * (sync; write; checkpoint, which is a write to bridge.db itself). The first affected call creates $DISK_FAULT.met. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The end of a file's name after /bridge.db; NULL for another file. */
static const char *of_the_store(int file) {
    static __thread char path[4096];
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length <= 0) return NULL;
    path[length] = 0;
    const char *name = strrchr(path, '/');
    return name && !strncmp(name, "/bridge.db", 10) ? name + 10 : NULL;
}

static int is_the_store(int file) {
    const char *ending = of_the_store(file);
    return ending && !*ending;
}

/* The error of a call, or 0. */
static int fault(int file, const char *call) {
    const char *control = getenv("DISK_FAULT");
    if (!control || !of_the_store(file)) return 0;
    for (;;) {
        char what[16] = "", to[16] = "", met[4096];
        FILE *control_file = fopen(control, "r");
        int words = control_file ? fscanf(control_file, "%15s %15s", what, to) : 0;
        if (control_file) fclose(control_file);
        if (words != 2) return 0;
        int checkpoint = !strcmp(to, "checkpoint") && !strcmp(call, "write") && is_the_store(file);
        if (strcmp(to, call) && !checkpoint) return 0;
        snprintf(met, sizeof met, "%s.met", control);
        close(open(met, O_CREAT | O_WRONLY, 0600));
        if (!strcmp(what, "eio")) return EIO;
        if (!strcmp(what, "enospc")) return ENOSPC;
        if (!strcmp(what, "erofs")) return EROFS;
        usleep(10 * 1000); /* hangs; the file is read again */
    }
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define FAIL(file, call)                \
    do {                                \
        int error = fault(file, call);  \
        if (error) {                    \
            errno = error;              \
            return -1;                  \
        }                               \
    } while (0)

int fsync(int file) {
    FAIL(file, "sync");
    return REAL(fsync)(file);
}

int fdatasync(int file) {
    FAIL(file, "sync");
    return REAL(fdatasync)(file);
}

ssize_t pwrite(int file, const void *bytes, size_t count, off_t at) {
    FAIL(file, "write");
    return REAL(pwrite)(file, bytes, count, at);
}

ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t at) {
    FAIL(file, "write");
    return REAL(pwrite64)(file, bytes, count, at);
}

ssize_t write(int file, const void *bytes, size_t count) {
    FAIL(file, "write");
    return REAL(write)(file, bytes, count);
}
