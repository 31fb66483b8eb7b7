#ifndef CP_NET_RESOLVER_H
#define CP_NET_RESOLVER_H

#include <stdbool.h>

#include "core/status.h"

/* Names to addresses, off the network thread: getaddrinfo() may hang for half a minute,
 * and pings must not.  One thread for each name being looked up, shared by whoever asks
 * for it meanwhile, and left behind when nobody wants the answer any more. */
#define CP_ADDRESSES 8
#define CP_ADDRESS_TEXT 64

typedef struct cp_addresses {
    char text[CP_ADDRESSES][CP_ADDRESS_TEXT]; /* numeric */
    unsigned count;
    char error[96]; /* the resolver's words when count is 0 */
} cp_addresses;

typedef struct cp_lookup cp_lookup;
struct cp_loop;

/* On the network thread, once, unless cancelled before; the look-up is gone with it. */
typedef void (*cp_lookup_done)(void *owner, const cp_addresses *addresses);

/* All on the network thread.  An address is not looked up: `now` is filled at once, *out
 * is NULL and done() is not called.  CP_ERR_NOMEM; CP_ERR_SYSTEM: there is no thread to be
 * had for it. */
cp_status cp_lookup_start(struct cp_loop *loop, const char *host, void *owner, cp_lookup_done done,
                          cp_addresses *now, cp_lookup **out);
void cp_lookup_cancel(cp_lookup *self);                 /* NULL is legal */
void cp_lookups_deliver(struct cp_loop *loop);    /* calls done() of what is ready */
void cp_lookups_forget(struct cp_loop *loop);     /* it ends; nobody waits any more */

/* In a forked child: nobody waits, and the lock is as new. */
void cp_lookups_forked(void);

#endif
