#ifndef BENCH_ANSWERS_H
#define BENCH_ANSWERS_H

/* The HTTP side: just enough of CometChat's REST for our client and the official SDK to log in,
 * to list who is online, and to open the socket. */

#include <stdbool.h>
#include <stdint.h>

#include "stream.h"

typedef struct site {
    uint16_t port;
    uint32_t listed; /* users who are online before the first frame */
} site;

/* Answers requests until one asks for the socket, which is then open: true.
 * False: the peer is gone. */
bool answer_requests(stream *peer, const site *site);

#endif
