#ifndef CP_CORE_SESSION_PARTS_H
#define CP_CORE_SESSION_PARTS_H

#include "core/backoff.h"
#include "core/calls.h"
#include "core/census.h"
#include "core/session.h"
#include "core/sync.h"
#include "core/watchers.h"

/* What the session is made of, shared by its five files: session.c (the socket's life and
 * the table of states), session_calls.c (what callers ask), session_rest.c (requests,
 * answers, tokens), session_watch.c (who waits for whom, and the server's count) and
 * session_wishes.c (what is pulled out of it). */

#define CP_TLS_RETRY (30 * CP_USEC_PER_SEC) /* a wrong certificate is not hammered */

/* A lost token or a refused jwt is renewed once: ask the server for a fresh jwt, then the
 * token provider for a token (DESIGN §8). */
typedef enum cp_renewal {
    CP_RENEWAL_NONE,
    CP_RENEWAL_IN_DOUBT, /* ours may be good, so nobody waits; one GET me may tell */
    CP_RENEWAL_ASK_SERVER,   /* GET me is wanted or under way */
    CP_RENEWAL_ASK_PROVIDER, /* CP_CALL_TOKEN is awaited, or its PUT me is under way */
} cp_renewal;

struct cp_session {
    const cp_config *config;
    cp_roster *roster;
    cp_account account;
    cp_backoff backoff;      /* between sockets */
    cp_backoff sync_backoff; /* between attempts at a comparison */
    cp_calls calls;
    cp_watchers watchers; /* the roster tells them too */
    cp_sync sync;
    cp_notices notices; /* to be pulled */
    cp_frame_reader reader;

    cp_session_state state;
    cp_now now; /* of the latest fact */

    cp_wish wish;
    cp_target socket;
    bool has_socket;         /* closed() is owed to us */
    bool was_accepted;       /* on this socket, so its end is worth telling */
    bool is_told_up;         /* the latest that was told is CONNECTING or CONNECTED */
    bool connects_on_close;  /* as soon as the old socket is gone */
    unsigned attempt;        /* since the last accepted one */
    unsigned closes_in_auth; /* in a row */
    uint32_t generation;
    cp_failure cause;        /* why we ended the socket; kind NONE: we did not */
    cp_failure last_failure; /* for the words of a timeout */

    cp_usec attempt_deadline, retry_at, ping_at, pong_by, ping_sent_at;
    cp_usec retry_delay; /* waited, or being waited, before this attempt */
    bool owes_auth, owes_ping;
    cp_buffer frame; /* the one lent by next_frame() */

    uint64_t tickets; /* given so far */
    cp_usec quiet_until; /* the server asked us to send no requests before */

    cp_renewal renewal;
    uint64_t renewal_ticket; /* 0: none under way */
    cp_usec renewal_at;
    unsigned tokens_shown; /* account.tokens of the latest auth frame */
    bool demand_is_told; /* to a CP_CALL_AWAIT_DEMAND */
    bool asked_server, asked_provider; /* since our tokens last proved good */

    unsigned comparisons;  /* begun so far */
    cp_usec sync_at;       /* when the next one is due; one that is under way ends first */
    cp_usec wait_may_at;   /* no comparison for those who wait for somebody is due before */
    cp_usec look_up_at;    /* when the watched are looked up next, by themselves */
    cp_usec sync_retry_at; /* a page failed: not before */
    unsigned sync_failures; /* of this comparison */
    bool has_synced;       /* ever */
    cp_sync_report latest; /* of this generation, without its lists; all 0: no comparison yet */
    uint32_t online;       /* as the roster had it when apply() left it */
    bool owes_report;      /* of a comparison just made, to those who wait and listen */
    cp_sync_report report; /* that one */
    cp_usec audit_at;      /* in this generation; CP_NEVER: not known yet */

    cp_census census;
    cp_usec count_at;      /* when the server's count is asked for next */
    uint64_t count_ticket; /* 0: none under way */
    bool count_is_fresh;   /* it is for judging the comparison just made */
    bool cannot_count;     /* the server does not offer it */
    int64_t counted;       /* not judged yet; CP_ABSENT: nothing */
    bool counted_by_itself; /* and not by a caller */

    /* For the roster, handed over by apply(). */
    bool begins_generation, goes_stale;
    bool is_full; /* max_users were reached, and it was told */
    bool has_pushed, pushed_is_trimmed;
    cp_presence pushed;

    cp_session_counts counts;
    cp_usec complained_at; /* about a malformed frame */
};

/* session.c */
void cp_session_become(cp_session *self, cp_session_state state);
void cp_session_start(cp_session *self);                           /* connect now */
void cp_session_leave(cp_session *self, cp_session_state state);   /* OFFLINE, REFUSED, CLOSED */
void cp_session_drop_socket(cp_session *self, cp_wish how);        /* CLOSE or ABORT */
void cp_session_give_up(cp_session *self, const cp_failure *failure); /* REFUSED, and told so */
void cp_session_report(cp_session *self, const char *where, const cp_failure *failure);
void cp_session_notify(cp_session *self, cp_notice *notice); /* takes its contents */
void cp_session_put_reason(cp_notice *notice, cp_slice reason);
bool cp_session_compares(const cp_session *self); /* there is somebody to compare about */
bool cp_session_is_accepted(const cp_session *self);
cp_usec cp_session_after(const cp_session *self, cp_usec wait); /* from now; may be CP_NEVER */

/* session_calls.c */
/* Nobody is logged in from here on; whoever asks in his name fails so, and it is told. */
void cp_session_forget_login(cp_session *self, const cp_failure *failure);
/* The answer to the call, or why the server wants to be asked later. */
void cp_session_call_succeeded(cp_session *self, cp_call *call);
void cp_session_call_failed(cp_session *self, cp_call *call, const cp_failure *failure);
void cp_session_call_again(cp_session *self, cp_call *call, cp_failure *failure);
void cp_session_calls_elapsed(cp_session *self);

/* session_rest.c */
void cp_session_hide_secrets(const cp_session *self, cp_failure *failure); /* the account's */
void cp_session_renew(cp_session *self, const cp_failure *failure); /* after this refusal */
void cp_session_doubt_jwt(cp_session *self);
bool cp_session_is_renewing(const cp_session *self); /* and must: ours are lost */
void cp_session_renewed(cp_session *self);
void cp_session_renewal_failed(cp_session *self, const cp_failure *failure);
cp_usec cp_session_try_again_at(cp_session *self, const cp_failure *failure);
void cp_session_be_quiet(cp_session *self, cp_usec until);
void cp_session_compare(cp_session *self); /* with the server, from now */
void cp_session_compare_if_due(cp_session *self);
/* The comparison that knows nothing yet: whoever asks for one from now on shares it. */
unsigned cp_session_next_comparison(const cp_session *self);
void cp_session_await_comparison(cp_session *self, cp_call *call); /* takes */
void cp_session_plan_look_up(cp_session *self, cp_usec wait); /* from now */
/* The server asks for silence; true: the request that earned it is to be sent again. */
bool cp_session_keep_quiet(cp_session *self, const cp_http_answer *answer,
                           const cp_failure *failure);

/* session_watch.c */
void cp_session_missed(cp_session *self); /* a change got lost: a comparison will find it */
void cp_session_await_user(cp_session *self, cp_call *call);
void cp_session_finish_watchers(cp_session *self, const cp_failure *failure); /* all */
void cp_session_watchers_elapsed(cp_session *self);
bool cp_session_cancel_watcher(cp_session *self, cp_call *call); /* false: it is none */
bool cp_session_look(cp_session *self); /* with the roster's lock; true: there is more */
void cp_session_finish_met(cp_session *self);
void cp_session_count_after_sync(cp_session *self);
cp_usec cp_session_next_count_at(const cp_session *self);
bool cp_session_next_count_request(cp_session *self, cp_http_request *out);
void cp_session_count_answered(cp_session *self, const cp_http_answer *answer);
void cp_session_take_count(cp_session *self, int64_t count); /* a caller asked for it */
void cp_session_judge_count(cp_session *self);               /* with the roster's lock */
void cp_session_forget_counts(cp_session *self);

/* session_wishes.c, with the roster's lock; `reason` NULL: it was told already */
void cp_session_degrade(cp_session *self, const char *reason, bool is_throttled);

#endif
