#ifndef CP_NET_VHOST_H
#define CP_NET_VHOST_H

#include <libwebsockets.h>
#include <stdbool.h>

#include "core/failure.h"
#include "net/network.h"

/* What lws calls a vhost: for us, a set of certificates to trust.  One for plain
 * connections and one for each CA file are made once and kept as long as the thread,
 * since reading certificates costs milliseconds, and since lws 4.1 never frees a vhost
 * that was destroyed while in use. */
typedef struct cp_vhosts {
    struct vhost *first;
    const char *handshake_failure; /* of the latest TLS handshake, in OpenSSL's words */
} cp_vhosts;

void cp_vhosts_destroy(cp_vhosts *self); /* while there is no connection */
void cp_vhosts_forget(cp_vhosts *self);  /* after the context is gone, and they with it */

/* Plain, or TLS with this CA file (NULL: the system's).  NULL, and why. */
struct lws_vhost *cp_vhosts_find(cp_vhosts *self, struct lws_context *context, bool tls,
                                 const char *ca_file, cp_failure *failure);

/* OpenSSL's, of this thread, which may speak TLS for others too. */
void cp_vhosts_forget_errors(void);

const char *cp_vhosts_tls_version(void); /* OpenSSL, which of them */

cp_certificate_places cp_vhosts_certificate_places(void);

/* The settings that a context has in common with its vhosts. */
struct lws_context_creation_info cp_vhost_description(void);

#endif
