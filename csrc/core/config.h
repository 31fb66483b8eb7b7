#ifndef CP_CORE_CONFIG_H
#define CP_CORE_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "core/backoff.h"
#include "core/failure.h"
#include "core/frame.h"
#include "core/target.h"

#define CP_WATCHED_MAX 1000
#define CP_UID_MAX 100 /* bytes, as at the vendor */

/* What a client was made with: set once, then read by every layer.  Strings are owned;
 * NULL means not given. */
typedef struct cp_config {
    char *app_id;
    char *region;
    char *admin_host;  /* overrides, as the vendor's: host, host:port, with or without a path */
    char *client_host;
    char *endpoint;    /* one URL for all hosts */
    char *ca_file;     /* replaces the system's certificates */
    char *version;     /* ours */
    char *session_id;  /* who we are on the socket: PY-<version>-<uuid4>-<epoch ms> */
    char *device_id;

    cp_subscription subscription;
    char **roles; /* NULL-terminated, or NULL */
    char **watched; /* likewise: uids that are looked up besides, whoever is subscribed to */
    bool auto_connect;
    bool plain_allowed; /* http and ws beyond loopback */
    bool has_token_provider;

    cp_backoff_policy reconnect;
    bool sync_on_connect;
    bool sync_whole;        /* page everyone in scope, not only those online */
    cp_usec audit_after;    /* CP_NEVER: no audit */
    cp_usec sync_every;     /* CP_NEVER: not periodically */
    int page_size;
    cp_usec watched_every;  /* between looking the watched up */
    cp_usec count_every;    /* the server's count of users online; CP_NEVER: not by itself */
    cp_usec degraded_every; /* comparisons, while what is pushed cannot be trusted */

    uint32_t queue_size;
    uint32_t max_users;

    cp_usec connect_timeout; /* of one attempt, name look-up to authentication; of one request */
    cp_usec ping_interval;
    cp_usec ping_timeout;
} cp_config;

void cp_config_init(cp_config *self); /* the defaults of api_sketch.pyi, no strings */
void cp_config_destroy(cp_config *self);
cp_status cp_config_copy(cp_config *out, const cp_config *from); /* CP_ERR_NOMEM: out is empty */

/* CP_ERR_ARGUMENT and the vendor's code for what is missing or impossible: no app id, an
 * unknown region without hosts of its own, CR or LF anywhere, an endpoint that is no URL,
 * a limit out of range. */
cp_status cp_config_check(const cp_config *self, cp_failure *failure);

/* Whether bytes may go there: over TLS, or to this machine, or because plain was asked for.
 * Not over TLS to an IPv6 address, which would always fail. */
bool cp_config_allows(const cp_config *self, const cp_target *target);

#endif
