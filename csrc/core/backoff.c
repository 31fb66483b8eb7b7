#include "core/backoff.h"

#include <limits.h>
#include <stdbool.h>

/* splitmix64: neighbouring seeds give unrelated sequences, which is what a thousand
 * clients started in one second need. */
static uint64_t next_random(cp_backoff *self)
{
    uint64_t z = self->random += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

/* min(cap, base * 2^attempts), never past the largest cp_usec on the way. */
static cp_usec ceiling_of(const cp_backoff *self)
{
    cp_usec wait = self->policy.base;
    for (unsigned n = 0; n < self->attempts && wait > 0 && wait < self->policy.cap; n++)
        wait = wait > CP_NEVER / 2 ? CP_NEVER : wait * 2;
    return wait < self->policy.cap ? wait : self->policy.cap;
}

/* Both ends included.  The remainder's bias is below one in 2^30 for hours and less. */
static cp_usec pick(cp_backoff *self, cp_usec least, cp_usec most)
{
    if (most <= least)
        return least;
    uint64_t span = (uint64_t)most - (uint64_t)least;
    uint64_t offset = next_random(self);
    if (span < UINT64_MAX)
        offset %= span + 1;
    return (cp_usec)((uint64_t)least + offset);
}

static bool was_stable(const cp_backoff *self, cp_usec now)
{
    return self->healthy_since != CP_NEVER &&
           now - self->healthy_since >= self->policy.stable_after;
}

void cp_backoff_init(cp_backoff *self, cp_backoff_policy policy, uint64_t seed)
{
    *self = (cp_backoff){.policy = policy, .random = seed, .healthy_since = CP_NEVER};
}

void cp_backoff_healthy(cp_backoff *self, cp_usec now)
{
    if (self->healthy_since == CP_NEVER)
        self->healthy_since = now;
}

void cp_backoff_reset(cp_backoff *self)
{
    self->attempts = 0;
    self->healthy_since = CP_NEVER;
}

cp_usec cp_backoff_failed(cp_backoff *self, cp_usec now)
{
    if (was_stable(self, now))
        self->attempts = 0;
    self->healthy_since = CP_NEVER;

    int most = self->policy.max_attempts;
    if (most >= 0 && self->attempts >= (unsigned)most)
        return -1;

    cp_usec wait = pick(self, self->policy.floor, ceiling_of(self));
    if (self->attempts < UINT_MAX)
        self->attempts++;
    return wait;
}

cp_usec cp_backoff_failed_slowly(cp_backoff *self, cp_usec now, cp_usec at_least)
{
    cp_usec wait = cp_backoff_failed(self, now);
    return wait < 0 || wait > at_least ? wait : at_least;
}
