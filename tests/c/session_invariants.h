/* What holds of a session on its stage whatever it is told: each call is done exactly once,
 * there is one socket at most, and a deadline that passes makes it go on. */
#ifndef SESSION_INVARIANTS_H
#define SESSION_INVARIANTS_H

#include "session_feed.h"

#define LIVE_CALLS 24

static cp_call *live[LIVE_CALLS + 1]; /* not done yet; the last place is the close's */
static unsigned live_count;

static inline void take_from_live(const cp_call *call)
{
    for (unsigned i = 0; i < live_count; i++) {
        if (live[i] == call) {
            live[i] = live[--live_count];
            return;
        }
    }
    fail_test(__FILE__, __LINE__, "a call was done twice, or never called");
}

static inline void settle(void)
{
    for (unsigned i = 0; i < finished_count; i++)
        take_from_live(finished[i]);
    free_finished();
}

/* Told of what is due, and pulled from, the session has something later in mind. */
static inline void check_progress(void)
{
    for (int i = 0; cp_session_deadline(session) <= now.usec; i++) {
        CHECK(i < 5);
        cp_session_elapsed(session, now);
        pump();
        settle();
    }
}

/* However often one is asked for, at most one comparison goes on. */
static inline void check_pages(void)
{
    unsigned pages = 0;

    for (unsigned i = 0; i < request_count; i++)
        pages += strstr(requests[i].path, "status=available") || strstr(requests[i].path, "uids=");
    CHECK(pages <= 1);
}

static inline void check_state(void)
{
    cp_session_state state = cp_session_state_of(session);

    check_pages();
    if (state == CP_STATE_CONNECTING || state == CP_STATE_AUTHENTICATING ||
        state == CP_STATE_SYNCING || state == CP_STATE_LIVE)
        CHECK(has_socket);
    if (state == CP_STATE_SYNCING || state == CP_STATE_LIVE)
        CHECK(cp_session_account(session)->me.user != NULL);
    if (cp_roster_state(roster) == CP_SYNC_SYNCED)
        CHECK(state == CP_STATE_LIVE || state == CP_STATE_SYNCING);
}

/* Whatever was asked is done by then. */
static inline void end_life(void)
{
    live[live_count++] = new_call(CP_CALL_CLOSE);
    cp_session_called(session, live[live_count - 1], now);
    pump();
    if (has_socket)
        closed_with(1000);
    settle();
    CHECK_INT(live_count, 0);
    end_session();
}

#endif
