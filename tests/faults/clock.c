/* Clocks that are wrong, for a program started with LD_PRELOAD: the file named by $CLOCK holds by how many seconds the
 * wall clock and the monotonic clock are ahead. It is read at every look at a clock. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *time) {
    long wall = 0, monotonic = 0;
    const char *control = getenv("CLOCK");
    FILE *said = control ? fopen(control, "r") : NULL;
    if (said) {
        if (fscanf(said, "%ld %ld", &wall, &monotonic) != 2) wall = monotonic = 0;
        fclose(said);
    }
    long result = syscall(SYS_clock_gettime, clock, time);
    if (!result && clock == CLOCK_REALTIME) time->tv_sec += wall;
    if (!result && clock == CLOCK_MONOTONIC) time->tv_sec += monotonic;
    return (int)result;
}
