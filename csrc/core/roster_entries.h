#ifndef CP_CORE_ROSTER_ENTRIES_H
#define CP_CORE_ROSTER_ENTRIES_H

#include <stdbool.h>
#include <stdint.h>

#include "core/roster.h"

/* Everyone the roster has heard of, found by uid or by number.  Numbers count from 0 in
 * the order of arrival; an entry is never removed and never moves. */
typedef struct cp_entry {
    cp_user *user; /* counted */
    int64_t last_active_at;
    int64_t at; /* of the latest change, as are received_at and origin */
    cp_usec received_at;
    uint64_t place;      /* in the queue, while waiting there */
    uint32_t generation; /* last confirmed in */
    uint32_t comparison; /* last seen in: listed, touched or settled */
    uint32_t waiting_before, waiting_after;
    uint32_t folded; /* changes since the last one told that will not be told */
    uint8_t status;
    uint8_t told : 4;      /* to listeners, once they have taken all that is in the ring */
    uint8_t recapped : 4;  /* what it was when the recap began, if is_recapped */
    uint8_t origin : 4;
    uint8_t announced : 4; /* what a consumer who keeps up was told */
    bool is_touched : 1;   /* in `comparison`, by a live frame */
    bool is_waiting : 1;
    bool is_recapped : 1;
} cp_entry; /* 64 bytes: a cache line */

#define CP_NO_ENTRY UINT32_MAX
#define CP_ENTRY_BLOCKS 27 /* of 64, 128, 256 … entries: any 32-bit number */

typedef struct cp_entries {
    uint32_t count;
    cp_entry *block[CP_ENTRY_BLOCKS];
    struct cp_entry_slot *slots; /* 2 to the power of `bits`; NULL: none yet */
    unsigned bits;
    struct cp_entry_slot *old_slots; /* half as many, which are being moved; NULL: all are */
    uint32_t moved;                  /* of them */
    uint64_t key[2];
} cp_entries;

void cp_entries_init(cp_entries *self, uint64_t seed);
void cp_entries_destroy(cp_entries *self);

cp_entry *cp_entries_at(const cp_entries *self, uint32_t number); /* lends */

/* Uids differ, but not by the case of ASCII letters alone: the server lowers them. */
uint32_t cp_entries_find(const cp_entries *self, cp_slice uid); /* CP_NO_ENTRY: not there */

/* Whether its status is worth telling somebody who was told `before`, so that what anybody
 * is told alternates.  That somebody never announced is offline is worth telling only when
 * the server says so by itself; a comparison finds thousands of them. */
static inline bool cp_entry_is_news(const cp_entry *self, cp_presence_status before)
{
    if (self->status == CP_UNKNOWN || self->status == before)
        return false;
    return self->status == CP_ONLINE || before != CP_UNKNOWN || self->origin == CP_ORIGIN_LIVE;
}

/* What it says now, as a change; lends the user, and leaves what was before to the caller. */
void cp_entry_change(const cp_entry *self, cp_change *out);
/* The same of somebody who is told to be online, for whoever knows nothing yet; gives. */
cp_change cp_entry_snapshot(const cp_entry *self);

/* Of somebody who is not there yet: holds the user, knows nothing more.  CP_NO_ENTRY: no
 * memory, and nothing changed. */
uint32_t cp_entries_add(cp_entries *self, cp_user *user);

#endif
