#ifndef BENCH_FRAMES_H
#define BENCH_FRAMES_H

/* The presence frames that are sent, of about 580 bytes each: the users take turns, everybody
 * comes online in the first round and goes offline in the second, so each frame is a change. */

#include <stddef.h>
#include <stdint.h>

#define FRAME_MAX 1024
#define USERS_MAX 10000000 /* seven digits */

void frames_prepare(void);

/* The frame with this number, its WebSocket header included; returns its length. */
size_t frame_write(uint64_t number, uint32_t users, char *out);

/* The user with this number as a list has it; returns the length. */
size_t listed_user_write(uint32_t number, char *out);

#endif
