#ifndef CP_NET_TASK_H
#define CP_NET_TASK_H

#include <stdbool.h>

#include "core/call.h"

/* A call with somebody waiting for it on another thread.  Counted: the one who waits has a
 * hold, and the network thread has one from post to done.  Between the two the call belongs
 * to the network thread; before and after, to whoever made it. */
typedef struct cp_task cp_task;

/* `on_bell`: nobody sleeps on it; when done it is found by cp_connection_take_done(). */
cp_task *cp_task_new(cp_call_kind kind, bool on_bell); /* NULL: no memory */
cp_task *cp_task_hold(cp_task *self);
void cp_task_release(cp_task *self); /* any thread; NULL is legal */

cp_call *cp_task_call(cp_task *self);          /* lent */
cp_task *cp_task_of(cp_call *call);            /* the task around a call */
bool cp_task_is_on_bell(const cp_task *self);
bool cp_task_is_done(cp_task *self);           /* any thread */
bool cp_task_wait(cp_task *self, cp_usec most); /* any thread, never with the GIL held */
void cp_task_finish(cp_task *self);            /* the network thread: wakes whoever waits */

#endif
