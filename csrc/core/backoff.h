#ifndef CP_CORE_BACKOFF_H
#define CP_CORE_BACKOFF_H

#include <stdint.h>

#include "core/clock.h"

/* How long to wait before the next attempt: full jitter,
 * uniform(floor, min(cap, base * 2^n)), n counted from the last healthy time. */
typedef struct cp_backoff_policy {
    cp_usec base, cap, floor;
    cp_usec stable_after; /* n starts anew only after being healthy this long */
    int max_attempts;     /* below 0: for ever */
} cp_backoff_policy;

typedef struct cp_backoff {
    cp_backoff_policy policy;
    uint64_t random; /* own state: a splitmix64 sequence */
    unsigned attempts; /* waits given out since the last healthy time */
    cp_usec healthy_since; /* CP_NEVER: not healthy now */
} cp_backoff;

void cp_backoff_init(cp_backoff *self, cp_backoff_policy policy, uint64_t seed);
void cp_backoff_healthy(cp_backoff *self, cp_usec now); /* told again: since the first time */

void cp_backoff_reset(cp_backoff *self); /* a person asks to try: n starts anew */

/* The connection failed or ended.  The wait before the next attempt; below 0: give up. */
cp_usec cp_backoff_failed(cp_backoff *self, cp_usec now);

/* As failed(), but never less than `at_least` (a refused certificate, a Retry-After). */
cp_usec cp_backoff_failed_slowly(cp_backoff *self, cp_usec now, cp_usec at_least);

#endif
