/* Wrong clocks for a program started with LD_PRELOAD. The file named by $CLOCK has two numbers: by how many seconds the
 * wall clock and the monotonic clock are ahead. The file is read at every call. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *time) {
    long wall = 0, monotonic = 0;
    const char *control = getenv("CLOCK");
    FILE *offsets = control ? fopen(control, "r") : NULL;
    if (offsets) {
        if (fscanf(offsets, "%ld %ld", &wall, &monotonic) != 2) wall = monotonic = 0;
        fclose(offsets);
    }
    long result = syscall(SYS_clock_gettime, clock, time);
    if (!result && clock == CLOCK_REALTIME) time->tv_sec += wall;
    if (!result && clock == CLOCK_MONOTONIC) time->tv_sec += monotonic;
    return (int)result;
}
