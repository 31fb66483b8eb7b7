#ifndef CP_CORE_ROSTER_H
#define CP_CORE_ROSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/clock.h"
#include "core/status.h"
#include "core/user.h"

/* The truth about everyone heard of, and the changes listeners have not been told yet
 * (DESIGN §4).  Presence is state, not history: behind a listener that keeps up every
 * transition is queued in order; behind one that does not, changes fold into one per
 * user, so memory is bounded by users.  Per user, what is told always alternates.
 *
 * Not locked: its owner holds a lock around each call. */
typedef struct cp_roster cp_roster;

typedef enum cp_origin {
    CP_ORIGIN_LIVE,
    CP_ORIGIN_SNAPSHOT,
    CP_ORIGIN_RESYNC,
} cp_origin;

typedef enum cp_sync_state {
    CP_SYNC_AWAITING,
    CP_SYNC_SYNCED,
    CP_SYNC_STALE,
    CP_SYNC_DEGRADED,
    CP_SYNC_CLOSED,
} cp_sync_state;

/* `seed` makes the hash unpredictable to whoever chooses uids. */
cp_roster *cp_roster_new(uint32_t queue_size, uint32_t max_users, uint64_t seed);
void cp_roster_free(cp_roster *self);

/* ---- what is learned */

uint32_t cp_roster_generation(const cp_roster *self);
void cp_roster_begin_generation(cp_roster *self); /* a new authenticated connection: STALE */
void cp_roster_set_state(cp_roster *self, cp_sync_state state);
cp_sync_state cp_roster_state(const cp_roster *self);
bool cp_roster_is_in_step(const cp_roster *self); /* SYNCED, or DEGRADED though it was */
void cp_roster_set_complete(cp_roster *self, bool complete); /* scope: absent means offline */

/* A frame that was pushed.  Arrival wins; marks the user touched.  CP_ERR_TOO_LARGE: the
 * roster is full and the user is not tracked. */
cp_status cp_roster_apply_live(cp_roster *self, const cp_presence *seen, cp_usec now);
void cp_roster_count_trimmed(cp_roster *self); /* a profile lost tags and metadata on its way */

/* A comparison with the server: begin, confirm what it lists, then what is online but
 * neither listed nor touched is doubtful and settled one by one. */
void cp_roster_begin_comparison(cp_roster *self, cp_origin origin);
cp_status cp_roster_confirm(cp_roster *self, const cp_presence *listed, cp_usec now);
/* Looks at up to `budget` users from `*cursor` on and lends the doubtful ones found;
 * *cursor becomes SIZE_MAX at the end. */
size_t cp_roster_doubtful(cp_roster *self, size_t *cursor, size_t budget, cp_user **out,
                          size_t max);
/* The verdict on a doubtful one, unless it was touched meanwhile.  CP_UNKNOWN: out of our
 * scope now; nobody is told. */
void cp_roster_settle(cp_roster *self, cp_slice uid, const cp_presence *answer,
                      cp_presence_status verdict, cp_usec now);

/* ---- what is known */

typedef struct cp_roster_view {
    cp_user *user; /* lent */
    cp_presence_status status;
    int64_t last_active_at;
} cp_roster_view;

/* The profile kept of this uid, lent; NULL: none.  Needs no lock on the thread that tells the
 * roster what is learned, since no other changes profiles. */
cp_user *cp_roster_profile(cp_roster *self, cp_slice uid);

bool cp_roster_find(const cp_roster *self, cp_slice uid, cp_roster_view *out);
cp_presence_status cp_roster_status(const cp_roster *self, cp_slice uid); /* the tri-state */
size_t cp_roster_count(const cp_roster *self);
size_t cp_roster_online(const cp_roster *self);

/* Copies up to `max` users from `*cursor` on, as counted presences; 0 at the end.  Users
 * that arrive during a walk may be missed, none is seen twice. */
size_t cp_roster_copy(const cp_roster *self, size_t *cursor, bool online_only, cp_presence *out,
                      size_t max);

/* ---- what listeners are told */

typedef struct cp_change {
    cp_user *user; /* counted */
    int64_t last_active_at;
    int64_t at;
    cp_usec received_at;
    uint64_t seq; /* gap-free from 1 */
    uint32_t generation;
    uint32_t coalesced; /* older changes of this user folded into this one */
    cp_presence_status status;
    cp_presence_status previous; /* what listeners were told last, or somebody was known to be */
    cp_origin origin;
} cp_change;

bool cp_roster_next_change(cp_roster *self, cp_change *out); /* gives; false: all told */
bool cp_roster_has_changes(const cp_roster *self);

/* For a listener that came late and wants the whole picture: everybody whom listeners were
 * told to be online, as changes from CP_UNKNOWN without a `seq`; the changes not taken yet
 * go on from there.  While is_recapping() no change may be taken. */
void cp_roster_begin_recap(cp_roster *self);
size_t cp_roster_recap(cp_roster *self, cp_change *out, size_t max); /* gives; a batch */
bool cp_roster_is_recapping(const cp_roster *self);

/* For the order between changes and notices: how many were queued, and are delivered. */
uint64_t cp_roster_queued(const cp_roster *self);
uint64_t cp_roster_popped(const cp_roster *self);

/* ---- who else is told, at once and whatever listeners have taken */

struct cp_watchers;
struct cp_feed;

void cp_roster_set_watchers(cp_roster *self, struct cp_watchers *watchers); /* lent; or NULL */

/* What becomes of a change that comes to a full feed. */
typedef enum cp_overflow {
    CP_OVERFLOW_COALESCE, /* changes fold into one per user: nobody's final state is lost */
    CP_OVERFLOW_DROP_OLDEST,
    CP_OVERFLOW_ERROR, /* it is lost, and so are all after it */
} cp_overflow;

/* Tells what changes from now on, until it is closed; first who is online, if wanted.  NULL:
 * no memory. */
struct cp_feed *cp_roster_open_feed(cp_roster *self, uint32_t size, cp_overflow overflow,
                                    bool with_snapshot);
void cp_roster_close_feed(cp_roster *self, struct cp_feed *feed); /* the caller frees it */

typedef struct cp_roster_counts {
    uint64_t duplicates, coalesced, untracked, trimmed, events;
    uint32_t high_water; /* of the queue */
} cp_roster_counts;

cp_roster_counts cp_roster_counts_of(const cp_roster *self);

#endif
