#ifndef CP_CORE_STATUS_H
#define CP_CORE_STATUS_H

/* What a function of core or net has to say for itself.  Spaced by family: -100 this
 * input is bad and the object goes on, -200 the peer broke the protocol and the
 * connection is over, -300 the caller's mistake, -400 the world's, below CP_ERR_FATAL the
 * object may only be freed. */
typedef enum cp_status {
    CP_OK = 0,

    CP_ERR_MALFORMED = -100, /* not JSON, or JSON of another shape */
    CP_ERR_TOO_LARGE = -101,
    CP_ERR_TOO_DEEP = -102,
    CP_ERR_ENCODING = -103, /* not UTF-8, or it carries NUL */

    CP_ERR_PROTOCOL = -200,

    CP_ERR_ARGUMENT = -300,
    CP_ERR_CLOSED = -301,
    CP_ERR_FORKED = -302, /* made in another process */
    CP_ERR_OVERFLOW = -303, /* a reader was too slow, and wanted to know */

    CP_ERR_TIMEOUT = -400,
    CP_ERR_SYSTEM = -401, /* a thread, descriptor or context could not be had */
    CP_ERR_REFUSED = -402, /* the server does not want us; only a new login helps */
    CP_ERR_STALLED = -403, /* the network thread does not turn */

    CP_ERR_FATAL = -900,
    CP_ERR_NOMEM = -901,
} cp_status;

/* A few English words; never NULL. */
const char *cp_status_text(cp_status status);

#endif
