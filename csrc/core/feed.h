#ifndef CP_CORE_FEED_H
#define CP_CORE_FEED_H

#include "core/roster.h"

/* A second consumer of a roster's changes, beside its listeners: whoever reads a stream, or
 * waits for a change that only Python can recognise.  It has its own numbers, and what it
 * tells of a user always alternates.
 *
 * It begins with the next change; or, with a snapshot, with everyone who is online, as
 * changes of CP_ORIGIN_SNAPSHOT from CP_UNKNOWN.  They are not held: the roster is walked
 * as the reader takes.  Whoever changes before the walk has come to him is told by that
 * change alone, so a reader who follows what is told ends up with who is online.
 *
 * At most `size` changes wait in it in the order in which they happened; what becomes of
 * more is the reader's choice.
 *
 * Not locked: the roster's lock holds for its feeds too. */
typedef struct cp_feed cp_feed;

struct cp_entries;

/* Made and attached by cp_roster_open_feed(), detached by cp_roster_close_feed().  `crowd`:
 * everyone, lent, for a snapshot; NULL: none is wanted.  NULL: no memory. */
cp_feed *cp_feed_new(uint32_t size, cp_overflow overflow, uint64_t seed,
                     const struct cp_entries *crowd);
void cp_feed_free(cp_feed *self); /* detached; takes time, so without the lock */
cp_feed **cp_feed_next_attached(cp_feed *self); /* the roster's link */

/* Of the user with this number in the crowd; holds him for itself. */
void cp_feed_put(cp_feed *self, uint32_t in_crowd, const cp_change *change);

/* Gives at most `max`, in bounded time: there is more while has_changes() says so. */
size_t cp_feed_take(cp_feed *self, cp_change *out, size_t max);
bool cp_feed_has_changes(const cp_feed *self); /* take() may still find none worth telling */
/* CP_OVERFLOW_ERROR: a change came to a full feed and was lost.  It takes no more; what it
 * holds can still be taken. */
bool cp_feed_has_overflowed(const cp_feed *self);

typedef struct cp_feed_counts {
    uint64_t events, coalesced;
    uint64_t dropped; /* lost: to make room, after an overflow, or for want of memory */
} cp_feed_counts;

cp_feed_counts cp_feed_counts_of(const cp_feed *self);

#endif
