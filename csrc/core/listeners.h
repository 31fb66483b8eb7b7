#ifndef CP_CORE_LISTENERS_H
#define CP_CORE_LISTENERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/slice.h"
#include "core/status.h"

/* Who wants to be told what, in the order of arrival (PROTOCOL §5).  A listener is an
 * opaque target under an id; the same id replaces and moves to the end.
 *
 * A delivery walks the listeners as they stood when it began: one added meanwhile is told
 * of the next event, one removed meanwhile is not called any more.  A target is released
 * when it is neither listed nor being told, always as the last act of the call that caused
 * it, since release() may call back into us: add, remove, replace, clear and free are legal
 * there and inside a delivery.  Not locked: the owner serialises calls. */
typedef struct cp_listeners cp_listeners;

typedef void (*cp_listener_release)(void *target);

cp_listeners *cp_listeners_new(cp_listener_release release); /* NULL: no memory */
void cp_listeners_free(cp_listeners *self);

/* `wants` is a set of bits whose meaning is the owner's.  Takes the target on CP_OK. */
cp_status cp_listeners_add(cp_listeners *self, cp_slice id, uint32_t wants, void *target);
bool cp_listeners_remove(cp_listeners *self, cp_slice id); /* false: no such id */
void cp_listeners_clear(cp_listeners *self);
bool cp_listeners_wanted(const cp_listeners *self, uint32_t wants); /* by anybody */

/* Stops at the first visit that is not 0 and returns it.  The visitor must not call back. */
int cp_listeners_visit(cp_listeners *self, int (*visit)(void *target, void *arg), void *arg);

/* One event's round, told to those who want any of its bits.  end() is owed for every
 * begin(), also when stopping half-way; in between it must stay where it is. */
typedef struct cp_delivery {
    cp_listeners *listeners; /* NULL: freed meanwhile */
    cp_listener_release release;
    struct cp_delivery *outer; /* another round in progress */
    struct cp_listener *told;  /* counted: the one whose target was given out last */
    struct cp_listener *next;
    uint64_t last; /* the newest listener that takes part */
    uint32_t wants;
} cp_delivery;

void cp_delivery_begin(cp_delivery *self, cp_listeners *listeners, uint32_t wants);
/* Lent until the next call on this round, whatever happens to the listener; NULL: all told. */
void *cp_delivery_next(cp_delivery *self);
void cp_delivery_end(cp_delivery *self);

#endif
