#ifndef CP_CORE_WEBHOOK_H
#define CP_CORE_WEBHOOK_H

#include "core/failure.h"
#include "core/slice.h"
#include "core/user.h"

/* What CometChat posts to a server when somebody connects or goes: the current form
 * (user_connection_status_changed) and the legacy one (after_connection_status_changed).
 * Anybody can post to a server, so nothing in a body is taken for granted. */
typedef struct cp_webhook {
    cp_presence presence;        /* status ONLINE or OFFLINE */
    cp_presence_status previous; /* CP_UNKNOWN: the body does not say whether it changed */
} cp_webhook;

/* CP_OK, or an error, an empty webhook and a `failure` that says what is wrong; never both.
 * CP_ERR_PROTOCOL: good JSON about something else. */
cp_status cp_webhook_read(cp_slice body, cp_webhook *out, cp_failure *failure);
void cp_webhook_destroy(cp_webhook *self);

#endif
