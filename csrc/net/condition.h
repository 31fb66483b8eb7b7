#ifndef CP_NET_CONDITION_H
#define CP_NET_CONDITION_H

#include <pthread.h>
#include <stdbool.h>

#include "core/clock.h"

/* A condition to wait on until an instant of cp_network_now(): the wall clock may jump. */
bool cp_condition_init(pthread_cond_t *self); /* destroyed with pthread_cond_destroy() */

/* Under the lock.  May wake for no reason; false: `end` has come. */
bool cp_condition_wait(pthread_cond_t *self, pthread_mutex_t *lock, cp_usec end);

#endif
