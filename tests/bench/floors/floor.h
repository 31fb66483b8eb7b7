#ifndef BENCH_FLOOR_H
#define BENCH_FLOOR_H

#include <stdint.h>

/* What no client can be cheaper than: frames are counted, and nothing is made of them.  Takes
 * the arguments of the peers and answers as they do (peers/meter.py). */
typedef struct floor {
    unsigned port;
    uint64_t warm, frames;
    const char *stamps; /* NULL: none are asked for */

    uint64_t heard;
    int64_t *heard_at;
    double cpu_us, wall_s; /* when the warm ones had come */
} floor;

void floor_read(floor *self, char **arguments);
void floor_ready(floor *self);           /* connected */
void floor_heard(floor *self, unsigned); /* so many frames; after the last this ends the program */

#endif
