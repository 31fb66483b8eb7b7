#ifndef CP_CORE_FEED_H
#define CP_CORE_FEED_H

#include "core/roster.h"

/* A second consumer of a roster's changes, beside its listeners: whoever reads a stream, or
 * waits for a change that only Python can recognise.  It begins with the next change, has
 * its own numbers, and what it tells of a user always alternates.
 *
 * At most `size` changes wait in it in the order in which they happened; what becomes of
 * more is the reader's choice.
 *
 * Not locked: the roster's lock holds for its feeds too. */
typedef struct cp_feed cp_feed;

/* Made and attached by cp_roster_open_feed(), detached by cp_roster_close_feed(). */
cp_feed *cp_feed_new(uint32_t size, cp_overflow overflow, uint64_t seed); /* NULL: no memory */
void cp_feed_free(cp_feed *self); /* detached; takes time, so without the lock */
cp_feed **cp_feed_next_attached(cp_feed *self); /* the roster's link */

void cp_feed_put(cp_feed *self, const cp_change *change); /* holds the user for itself */

bool cp_feed_next(cp_feed *self, cp_change *out); /* gives; false: nothing more for now */
bool cp_feed_has_changes(const cp_feed *self);    /* next() may still find none worth telling */
/* CP_OVERFLOW_ERROR: a change came to a full feed and was lost.  It takes no more; what it
 * holds can still be taken. */
bool cp_feed_has_overflowed(const cp_feed *self);

typedef struct cp_feed_counts {
    uint64_t events, coalesced;
    uint64_t dropped; /* lost: to make room, after an overflow, or for want of memory */
} cp_feed_counts;

cp_feed_counts cp_feed_counts_of(const cp_feed *self);

#endif
