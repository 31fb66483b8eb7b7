#include "net/condition.h"

#include <time.h>

#include "net/network.h"

#define A_YEAR (365 * 86400 * CP_USEC_PER_SEC) /* time_t arithmetic stays in range */

bool cp_condition_init(pthread_cond_t *self)
{
    pthread_condattr_t attributes;
    bool made;

    if (pthread_condattr_init(&attributes) != 0)
        return false;
#ifndef __APPLE__ /* which waits by relative time instead */
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
#endif
    made = pthread_cond_init(self, &attributes) == 0;
    pthread_condattr_destroy(&attributes);
    return made;
}

static struct timespec timespec_of(cp_usec time)
{
    return (struct timespec){(time_t)(time / CP_USEC_PER_SEC),
                             (long)(time % CP_USEC_PER_SEC) * 1000};
}

bool cp_condition_wait(pthread_cond_t *self, pthread_mutex_t *lock, cp_usec end)
{
    cp_usec now = cp_network_now();
    cp_usec left = end > now ? end - now : 0;

    if (left == 0)
        return false;
    if (left > A_YEAR)
        left = A_YEAR;
#ifdef __APPLE__
    struct timespec most = timespec_of(left);
    (void)pthread_cond_timedwait_relative_np(self, lock, &most);
#else
    struct timespec until = timespec_of(now + left);
    (void)pthread_cond_timedwait(self, lock, &until);
#endif
    return true; /* or it is found out the next time */
}
