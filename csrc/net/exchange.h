#ifndef CP_NET_EXCHANGE_H
#define CP_NET_EXCHANGE_H

#include "core/http.h"
#include "net/wire.h"

/* One HTTP request and its answer, on a connection of its own: no keep-alive (a stale one
 * could fail a POST that must not be repeated blindly), no redirect, body capped.  The
 * network thread only. */
typedef struct cp_exchange cp_exchange;

/* Once, never from inside start(); the exchange is gone when it returns. */
typedef void (*cp_exchange_done)(void *owner, cp_exchange *self, const cp_http_answer *answer);

cp_exchange *cp_exchange_start(cp_loop *loop, const cp_http_request *request, const char *ca_file,
                               cp_exchange_done done, void *owner);
void cp_exchange_abandon(cp_exchange *self); /* frees; done() does not follow */

/* For the owner's list of them. */
uint64_t cp_exchange_ticket(const cp_exchange *self);
cp_exchange **cp_exchange_next(cp_exchange *self);

#endif
