#ifndef CP_NET_BELL_H
#define CP_NET_BELL_H

#include <stdbool.h>

#include "core/clock.h"
#include "core/status.h"

/* Something to sleep on that poll() and event loops understand.  A level, not a count:
 * ringing twice is ringing once. */
typedef struct cp_bell {
    int read_fd, write_fd; /* one and the same where eventfd exists */
} cp_bell;

#define CP_NO_BELL ((cp_bell){-1, -1})

cp_status cp_bell_make(cp_bell *self);
void cp_bell_destroy(cp_bell *self); /* CP_NO_BELL is legal */
void cp_bell_ring(cp_bell *self);
void cp_bell_hush(cp_bell *self);
/* CP_OK: it rang; CP_ERR_TIMEOUT; CP_ERR_SYSTEM with errno, EINTR among others. */
cp_status cp_bell_listen(const cp_bell *self, cp_usec most);

#endif
