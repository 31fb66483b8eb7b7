#ifndef CP_CORE_SYNC_H
#define CP_CORE_SYNC_H

#include "core/account.h"
#include "core/call.h"
#include "core/config.h"
#include "core/http.h"
#include "core/roster.h"

/* One comparison of the roster with the server (DESIGN §4): look the watched up by uid; page
 * the users of our scope, again while they move under us, and take the union; then ask by
 * uid about those we believe online but did not see.  Nothing of the pages reaches the
 * roster before the last one is in, so a comparison that breaks off half-way has inferred
 * nothing.  A look-up is the first part alone. */
typedef enum cp_sync_phase {
    CP_PHASE_IDLE,
    CP_PHASE_LOOKING_UP, /* the server is asked about some of the watched */
    CP_PHASE_LEARNING,   /* what it says of them goes into the roster */
    CP_PHASE_PAGING,     /* pages are asked for */
    CP_PHASE_CONFIRMING, /* the listed go into the roster */
    CP_PHASE_SEARCHING,  /* the roster is searched for doubtful users */
    CP_PHASE_ASKING,     /* the server is asked about some of them */
    CP_PHASE_SETTLING,   /* its verdict goes into the roster */
    CP_PHASE_DONE,
} cp_sync_phase;

#define CP_SYNC_PASSES 3

typedef struct cp_sync {
    const cp_config *config;
    cp_sync_phase phase;
    cp_origin origin;
    cp_usec started_at;
    bool is_look_up;
    uint64_t ticket;  /* the request under way; 0: none */
    uint64_t dropped; /* one whose answer nobody wants any more; 0: none */

    size_t looked_up; /* of the watched */
    int page;           /* the one asked for next */
    size_t entries;     /* this pass's so far, users or not */
    int total;          /* on all pages, as the first one said; 0: it did not */
    bool moved;         /* somebody came or went during this pass */
    bool begun;         /* the roster knows of this comparison, so pages may be asked for */
    bool lacked_memory; /* for somebody new: what told of him is asked for again */
    cp_presence *listed; /* every pass's pages, one after the other */
    size_t listed_count, listed_capacity;
    size_t confirmed; /* of the listed */
    size_t trimmed;   /* of all pages, since the roster was told */
    size_t given_up;  /* of the confirmed */

    size_t cursor; /* of the search through the roster */
    cp_user *doubtful[CP_USERS_UIDS_MAX];
    size_t doubtful_count;
    cp_users_page verdicts; /* on these, or on some of the watched */

    cp_sync_report report;
} cp_sync;

void cp_sync_init(cp_sync *self, const cp_config *config);
void cp_sync_destroy(cp_sync *self);

void cp_sync_begin(cp_sync *self, cp_origin origin, cp_usec now); /* abandons the last one */
void cp_sync_begin_look_up(cp_sync *self, cp_origin origin, cp_usec now); /* likewise */
void cp_sync_abandon(cp_sync *self);
void cp_sync_moved(cp_sync *self); /* presence was pushed to us */
bool cp_sync_is_running(const cp_sync *self);
bool cp_sync_is_comparing(const cp_sync *self); /* and not only looking up */
bool cp_sync_is_untried(const cp_sync *self); /* running, and as good as one begun now */

/* The request wanted now, if any; the caller gave it `ticket`.  *wanted false: none. */
cp_status cp_sync_next_request(cp_sync *self, const cp_account *account, uint64_t ticket,
                               cp_http_request *out, bool *wanted, cp_failure *failure);
/* The answer to it.  On an error the request is wanted again; when, is the caller's to say. */
cp_status cp_sync_answered(cp_sync *self, const cp_http_answer *answer, cp_failure *failure);

/* To be pulled before the next request: so there is never more than one under way. */
bool cp_sync_next_dropped(cp_sync *self, uint64_t *ticket);

/* With the roster's lock: a bounded piece of work; true: there is more to do at once.
 * CP_PHASE_DONE is reached here, with the report filled. */
bool cp_sync_apply(cp_sync *self, cp_roster *roster, cp_usec now);
/* After it, without the lock: gives up the listed users that the roster has learned of. */
void cp_sync_tidy(cp_sync *self);

#endif
