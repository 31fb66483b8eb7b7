#ifndef CP_NET_READER_H
#define CP_NET_READER_H

#include "core/feed.h"
#include "net/connection.h"

/* Somebody who reads a connection's changes beside its listeners: a feed, and something to
 * sleep on, which the network thread wakes by itself.  So it works inside a listener too,
 * and costs no descriptor.  One on the bell sleeps on that of the connection instead.  Any thread
 * may call everything here, with or without the GIL; only wait() sleeps.  In a forked child
 * everything answers CP_ERR_FORKED, or nothing. */
typedef struct cp_reader cp_reader;

typedef struct cp_reader_options {
    uint32_t size; /* of the feed, as is overflow */
    cp_overflow overflow;
    bool with_snapshot; /* begins with who is online, else with the next change */
    bool on_bell;       /* news ring the connection's bell */
} cp_reader_options;

/* CP_ERR_NOMEM, CP_ERR_FORKED. */
cp_status cp_reader_open(cp_connection *connection, const cp_reader_options *options,
                         cp_reader **out);
void cp_reader_close(cp_reader *self); /* whoever waits wakes; what it holds is given up */
void cp_reader_free(cp_reader *self);  /* nobody is in any of these functions; NULL is legal */

/* Gives; never sleeps.  0: nothing for now. */
size_t cp_reader_take(cp_reader *self, cp_change *out, size_t max);

/* CP_OK: there may be something to take; CP_ERR_TIMEOUT.  Once all was taken: CP_ERR_CLOSED,
 * it or the client is closed; CP_ERR_OVERFLOW; and CP_ERR_REFUSED, why is cp_reader_refusal()'s. */
cp_status cp_reader_wait(cp_reader *self, cp_usec most);

void cp_reader_refusal(cp_reader *self, cp_failure *out); /* of its connection */
bool cp_reader_is_closed(cp_reader *self);
bool cp_reader_has_news(cp_reader *self); /* wait() would not sleep */
cp_feed_counts cp_reader_counts(cp_reader *self);

#endif
