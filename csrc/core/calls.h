#ifndef CP_CORE_CALLS_H
#define CP_CORE_CALLS_H

#include "core/account.h"
#include "core/call_list.h"
#include "core/http.h"

/* At once; more of them would only earn a 429. */
#define CP_CALLS_UNDER_WAY 8

/* The calls a session has in hand, each in one of five lists: wanting a request, with one
 * under way, with none since it cannot be built, waiting for something that is not a
 * request, or done and to be taken.  Every call put in comes out through done, once. */
typedef struct cp_calls {
    cp_call_list asking, under_way, unsendable, waiting, done;
    unsigned under_way_count;
    cp_usec deadline;                      /* no deadline of theirs is earlier */
    uint64_t dropped[CP_CALLS_UNDER_WAY];  /* tickets whose answers nobody wants any more */
    unsigned dropped_count;
} cp_calls;

void cp_calls_init(cp_calls *self);
void cp_calls_destroy(cp_calls *self); /* done or not, the calls are the owner's by now */

void cp_calls_ask(cp_calls *self, cp_call *call);  /* takes: wants a request */
void cp_calls_wait(cp_calls *self, cp_call *call); /* takes: waits for the session */
/* Takes; `failure` NULL: it worked. */
void cp_calls_finish(cp_calls *self, cp_call *call, const cp_failure *failure);

/* Builds the request of the call that asked first.  One whose request cannot be built is
 * set aside for whoever knows what its end means. */
bool cp_calls_next_request(cp_calls *self, const cp_account *account, uint64_t ticket,
                           cp_http_request *out);
cp_call *cp_calls_take_unsendable(cp_calls *self, cp_failure *failure); /* gives; or NULL */
cp_call *cp_calls_take_answered(cp_calls *self, uint64_t ticket); /* gives; NULL: not ours */
/* Puts what the answer says into the call, and what login learned into the account.  An
 * error comes with its failure set. */
cp_status cp_calls_read(cp_call *call, cp_account *account, const cp_http_answer *answer,
                        cp_failure *failure);

cp_call *cp_calls_take_done(cp_calls *self);         /* gives; NULL: none */
bool cp_calls_next_dropped(cp_calls *self, uint64_t *ticket);

/* Finishes those that wait for this kind of thing, or all of every list. */
void cp_calls_finish_waiting(cp_calls *self, cp_call_kind kind, const cp_failure *failure);
/* Those for whom this comparison with the server will do; each gets a copy of its report. */
void cp_calls_finish_synced(cp_calls *self, unsigned comparison, const cp_sync_report *report);
/* Calls whose token was lost wait for a new one: ask again, or fail with the reason. */
void cp_calls_resume(cp_calls *self, const cp_failure *failure);
/* Those that act for an account that is given up: a logout has what it wanted, the others
 * fail. */
void cp_calls_finish_account(cp_calls *self, const cp_failure *failure);
void cp_calls_finish_all(cp_calls *self, const cp_failure *failure);
void cp_calls_cancel(cp_calls *self, cp_call *call, const cp_failure *failure);
/* Finishes what is due at `now` or before, with `failure`. */
void cp_calls_elapsed(cp_calls *self, cp_usec now, const cp_failure *failure);
bool cp_calls_has(const cp_calls *self, cp_call_kind kind); /* not done yet */

#endif
