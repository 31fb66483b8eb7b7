#ifndef CP_CORE_SESSION_H
#define CP_CORE_SESSION_H

#include "core/call.h"
#include "core/config.h"
#include "core/frame.h"
#include "core/http.h"
#include "core/notice.h"
#include "core/roster.h"

/* One client's life as a state machine that calls nobody: facts in the past tense go in,
 * wishes are pulled out, time is an argument.  The transition table stands at the top of
 * session.c.  Used by one thread; only the functions under "with the roster's lock" touch
 * the roster. */
typedef struct cp_session cp_session;

typedef enum cp_session_state {
    CP_STATE_OFFLINE,        /* no socket is wanted */
    CP_STATE_CONNECTING,     /* the transport was asked for one */
    CP_STATE_AUTHENTICATING, /* it is open, we have said who we are */
    CP_STATE_SYNCING,        /* accepted; comparing with the server */
    CP_STATE_LIVE,
    CP_STATE_WAITING,        /* for the next attempt */
    CP_STATE_REFUSED,        /* the server does not want us; only a new login helps */
    CP_STATE_CLOSED,
} cp_session_state;

/* Now, on both clocks: the monotonic one decides, the other is only ever sent. */
typedef struct cp_now {
    cp_usec usec;
    int64_t unix_ms;
} cp_now;

/* `config` and `roster` are lent for the session's life.  NULL: no memory. */
cp_session *cp_session_new(const cp_config *config, cp_roster *roster, uint64_t seed);
void cp_session_free(cp_session *self); /* unfinished calls must have been taken first */

/* ---- facts */

/* How a socket ended, or why it never opened. */
typedef struct cp_ending {
    uint16_t code;      /* the peer's close code; 1006 when there was none */
    cp_slice reason;    /* the peer's */
    bool clean;         /* a close frame came */
    cp_failure failure; /* the transport's; kind NONE: ended by close */
} cp_ending;

void cp_session_called(cp_session *self, cp_call *call, cp_now now); /* takes until done */
void cp_session_cancelled(cp_session *self, cp_call *call, cp_now now); /* done next, as timeout */
void cp_session_opened(cp_session *self, cp_now now);
void cp_session_received(cp_session *self, cp_slice text, cp_now now);
void cp_session_mangled(cp_session *self, cp_status why, cp_now now); /* a message was unusable */
void cp_session_answered(cp_session *self, const cp_http_answer *answer, cp_now now);
void cp_session_closed(cp_session *self, const cp_ending *ending, cp_now now);
void cp_session_elapsed(cp_session *self, cp_now now);

/* ---- wishes: after every fact, pull until nothing is left */

typedef enum cp_wish {
    CP_WISH_STAY,
    CP_WISH_CONNECT, /* open a socket to cp_session_socket() */
    CP_WISH_CLOSE, /* say 1000 "User logged out" and close; closed() is owed */
    CP_WISH_ABORT, /* drop it, no farewell; closed() is owed */
} cp_wish;

cp_wish cp_session_wish(cp_session *self); /* each wish is told once */
const cp_target *cp_session_socket(const cp_session *self);
cp_usec cp_session_attempt_deadline(const cp_session *self); /* of CONNECTING up to accepted */
bool cp_session_next_frame(cp_session *self, cp_slice *text); /* lent until the next call */
bool cp_session_next_request(cp_session *self, cp_http_request *out); /* gives; out initialised */
bool cp_session_next_dropped(cp_session *self, uint64_t *ticket); /* nobody wants its answer */
cp_call *cp_session_next_done(cp_session *self); /* the caller's again */
cp_usec cp_session_deadline(const cp_session *self); /* when to call elapsed() */

/* ---- with the roster's lock */

/* Moves what was learned into the roster, a bounded piece at a time; true: call again,
 * and let others have the lock in between. */
bool cp_session_apply(cp_session *self, cp_now now);
bool cp_session_next_notice(cp_session *self, cp_notice *out); /* gives */

/* After each apply(), without the lock: hands out and gives up what that left behind. */
void cp_session_tidy(cp_session *self);

/* What was pushed is not in the roster yet.  The next frame is to come after it is. */
bool cp_session_has_pushed(const cp_session *self);

/* ---- for looking at */

typedef struct cp_session_counts {
    uint64_t frames, malformed, unknown_frames;
    uint64_t reconnects, resyncs;
    cp_usec compared_at; /* the latest comparison with the server ended; 0: none yet */
    cp_usec last_round_trip; /* of a ping; CP_NEVER: none yet */
    unsigned attempts; /* to connect, since the last one that was accepted */
} cp_session_counts;

cp_session_state cp_session_state_of(const cp_session *self);
const cp_failure *cp_session_refusal(const cp_session *self); /* lent; of the state REFUSED */
bool cp_session_is_throttled(const cp_session *self); /* what is pushed cannot be trusted */
cp_session_counts cp_session_counts_of(const cp_session *self);
const cp_account *cp_session_account(const cp_session *self);

#endif
