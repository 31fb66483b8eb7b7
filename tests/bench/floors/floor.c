#define _GNU_SOURCE
#include "floor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

void floor_read(floor *self, char **arguments)
{
    memset(self, 0, sizeof *self);
    for (; *arguments; arguments++) {
        if (strcmp(*arguments, "--warm") == 0 && arguments[1])
            self->warm = strtoull(*++arguments, NULL, 10);
        else if (strcmp(*arguments, "--frames") == 0 && arguments[1])
            self->frames = strtoull(*++arguments, NULL, 10);
        else if (strcmp(*arguments, "--stamps") == 0 && arguments[1])
            self->stamps = *++arguments;
        else
            self->port = (unsigned)strtoul(*arguments, NULL, 10);
    }
    if (self->port == 0 || self->frames == 0) {
        fprintf(stderr, "floor: PORT --frames N [--warm N] [--stamps FILE]\n");
        exit(2);
    }
    if (self->stamps)
        self->heard_at = calloc(self->frames, sizeof *self->heard_at);
}

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static double cpu_us(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static void begin(floor *self)
{
    self->cpu_us = cpu_us();
    self->wall_s = (double)now_ns() / 1e9;
}

void floor_ready(floor *self)
{
    if (self->warm == 0)
        begin(self);
    puts("{\"ready\": true}");
    fflush(stdout);
}

static void end(floor *self)
{
    double cpu = cpu_us() - self->cpu_us, wall = (double)now_ns() / 1e9 - self->wall_s;
    FILE *file = self->stamps ? fopen(self->stamps, "wb") : NULL;
    if (file) {
        fwrite(self->heard_at, sizeof *self->heard_at, self->frames, file);
        fclose(file);
    }
    printf("{\"events\": %llu, \"cpu_us\": %.1f, \"wall_s\": %.6f}\n",
           (unsigned long long)self->frames, cpu, wall);
    exit(0);
}

void floor_heard(floor *self, unsigned frames)
{
    int64_t now = self->heard_at ? now_ns() : 0;
    for (; frames > 0; frames--) {
        if (self->heard_at && self->heard >= self->warm)
            self->heard_at[self->heard - self->warm] = now;
        self->heard++;
        if (self->heard == self->warm)
            begin(self);
        if (self->heard == self->warm + self->frames)
            end(self);
    }
}
