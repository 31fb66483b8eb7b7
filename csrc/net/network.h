#ifndef CP_NET_NETWORK_H
#define CP_NET_NETWORK_H

#include <stdbool.h>

#include "core/clock.h"
#include "core/status.h"

/* The one network thread of a process: it starts with the first connection and ends after
 * the last.  It never touches Python.  This is the part the extension sees; what the other
 * files of net/ share with the thread stands in net/loop.h. */

/* At exit: every connection closes, the thread is joined.  CP_ERR_TIMEOUT: what could not
 * be joined in time is leaked, not freed. */
cp_status cp_network_shutdown(cp_usec most);

/* In a forked child, before anything else: closes the inherited sockets raw, so that the
 * parent's connections are not ours to keep alive, and forgets the thread.  Locks and
 * frees nothing. */
void cp_network_forked(void);

/* Another number in each forked child, also in one that a C library forked and that nobody tells
 * of cp_network_forked().  Asking the kernel would be half of what a look at a user takes. */
void cp_network_mind_forks(void); /* once, before */
unsigned cp_network_process(void);

/* When the network thread last turned; it does at least once a second. */
cp_usec cp_network_beat(void);

/* The libraries this runs with, as they call themselves; static. */
const char *cp_network_lws_version(void);
const char *cp_network_tls_version(void);

/* Where OpenSSL looks for the certificates it is to trust; static. */
typedef struct cp_certificate_places {
    const char *file, *folder;
    const char *file_variable, *folder_variable; /* of the environment; they name others */
} cp_certificate_places;

cp_certificate_places cp_network_certificate_places(void);

/* Monotonic time as this layer counts it. */
cp_usec cp_network_now(void);

#endif
