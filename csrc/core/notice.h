#ifndef CP_CORE_NOTICE_H
#define CP_CORE_NOTICE_H

#include <stdbool.h>

#include "core/call.h"

/* What listeners are told besides presence: the life of the connection.  Few are kept;
 * when nobody takes them the oldest are dropped and counted, so that a listener stuck for
 * days costs nothing. */
typedef enum cp_notice_kind {
    CP_NOTICE_CONNECTING,
    CP_NOTICE_CONNECTED,
    CP_NOTICE_DISCONNECTED,
    CP_NOTICE_SYNCED,
    CP_NOTICE_DEGRADED,
    CP_NOTICE_ERROR,
    CP_NOTICE_LOGGED_IN,
    CP_NOTICE_LOGIN_FAILED,
    CP_NOTICE_LOGGED_OUT,
} cp_notice_kind;

typedef struct cp_notice {
    cp_notice_kind kind;
    cp_usec at;          /* when it happened; the owner of the list says */
    uint64_t after;      /* changes queued before it; delivered once those are */
    uint32_t generation; /* CONNECTED */
    uint32_t attempt;    /* CONNECTING: 1 for the first */
    cp_usec delay;       /* CONNECTING: waited before; DISCONNECTED: until the next attempt */
    uint16_t code;       /* DISCONNECTED: 1006 when the peer said nothing */
    bool clean;
    bool will_retry;
    bool is_throttled;     /* DEGRADED: by the platform, not by our own limits */
    /* DISCONNECTED, DEGRADED.  ERROR: where it was: "connection" when that has failed and may
     * have given up, "frame" and "synchronisation" when it goes on. */
    char reason[124];
    cp_failure failure;    /* ERROR, LOGIN_FAILED; DISCONNECTED when a failure caused it */
    cp_presence user;      /* LOGGED_IN */
    cp_sync_report report; /* SYNCED */
} cp_notice;

void cp_notice_destroy(cp_notice *self);

#define CP_NOTICES 64

typedef struct cp_notices {
    struct cp_noted *first, **last; /* one allocation each: most clients have none waiting */
    unsigned count;
    uint64_t dropped;
} cp_notices;

void cp_notices_init(cp_notices *self);
void cp_notices_destroy(cp_notices *self);
void cp_notices_post(cp_notices *self, cp_notice *notice); /* takes its contents */
/* The oldest one is due when at most `popped` changes precede it. */
bool cp_notices_is_due(const cp_notices *self, uint64_t popped);
bool cp_notices_next(cp_notices *self, uint64_t popped, cp_notice *out); /* gives; false: none */

#endif
