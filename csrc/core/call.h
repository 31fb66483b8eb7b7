#ifndef CP_CORE_CALL_H
#define CP_CORE_CALL_H

#include "core/failure.h"
#include "core/rest.h"

/* Something a caller asked for and may be waiting for: arguments go in, an outcome comes
 * out.  The session never looks at who waits; it finishes each call exactly once, at the
 * latest when its deadline passes. */
typedef enum cp_call_kind {
    CP_CALL_LOGIN,      /* uid and auth_key, or auth_token        → user */
    CP_CALL_TOKEN,      /* auth_token, from the token provider (absent: it failed) */
    CP_CALL_LOGOUT,
    CP_CALL_CONNECT,    /* finished at once; connecting goes on */
    CP_CALL_DISCONNECT, /* finished when the socket is closed */
    CP_CALL_GET_USER,   /* uid                                    → user */
    CP_CALL_GET_USERS,  /* query                                  → page */
    CP_CALL_COUNT,      /*                                        → number */
    CP_CALL_AWAIT_SYNC, /* finished when SYNCED                   → report; when it was so
                         * already the last one's, without its lists, and who is online now */
    CP_CALL_RESYNC,     /* of one that begins from now on         → report */
    CP_CALL_CLOSE,      /* logs nothing out; finished when the socket is gone */
    CP_CALL_AWAIT_DEMAND, /* finished when the token provider is to be asked, once per demand */
    CP_CALL_AWAIT_USER, /* uid, wanted and is_fresh               → user */
} cp_call_kind;

typedef struct cp_sync_report {
    uint32_t generation;
    uint32_t online;
    uint32_t passes, pages;
    cp_usec duration;
    cp_user **went_online; /* counted; owned arrays */
    cp_user **went_offline;
    uint32_t went_online_count, went_offline_count;
} cp_sync_report;

void cp_sync_report_destroy(cp_sync_report *self);
cp_status cp_sync_report_copy(cp_sync_report *out, const cp_sync_report *from);

typedef struct cp_call {
    cp_call_kind kind;
    cp_usec timeout;  /* from the moment the session is told; CP_NEVER: none */
    cp_usec deadline; /* the session's */

    char *uid;
    cp_presence_status wanted; /* CP_ONLINE or CP_OFFLINE */
    bool is_fresh;             /* only a change from now on will do */
    char *auth_key;   /* secret: wiped */
    char *auth_token; /* secret: wiped */
    cp_users_query query;

    cp_failure failure; /* kind NONE: it worked */
    cp_presence user;
    cp_users_page page;
    int64_t number;
    cp_sync_report report;

    struct cp_call *next; /* the list it stands in, whoever owns that */
    struct cp_call *next_cancelled; /* the connection's */
    bool is_cancelled;              /* likewise: it stands in that list, or has */
    uint64_t ticket;      /* the session's: the request under way for it, 0: none */
    unsigned tokens;      /* the session's: of the account, when that was written */
    unsigned step;        /* the session's */
    unsigned comparison;  /* the session's: the first that will do */
} cp_call;

void cp_call_init(cp_call *self, cp_call_kind kind);
void cp_call_destroy(cp_call *self);

#endif
