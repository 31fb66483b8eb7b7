#ifndef CP_CORE_TARGET_H
#define CP_CORE_TARGET_H

#include <stdbool.h>
#include <stdint.h>

#include "core/slice.h"
#include "core/status.h"

/* Where something is on the network: scheme, host, port, and the path before the path. */
typedef struct cp_target {
    bool tls;
    uint16_t port;
    char host[128];   /* a name or an address, brackets of IPv6 removed, lower case */
    char prefix[128]; /* "" or "/something", no slash at the end */
} cp_target;

/* "https://host:port/prefix", "http://…", or bare "host:port/prefix", which is https.
 * CP_ERR_ARGUMENT for anything else, for user info, queries and control bytes. */
cp_status cp_target_read(cp_slice url, cp_target *out);

bool cp_target_is_loopback(const cp_target *self); /* 127.0.0.0/8, ::1 and localhost */
bool cp_target_is_ipv6(const cp_target *self);
bool cp_target_has_default_port(const cp_target *self);

/* "host" or "host:port", as a Host header wants it.  Returns what snprintf returns. */
int cp_target_authority(const cp_target *self, char *out, size_t size);

#endif
