#ifndef CP_NET_WIRE_H
#define CP_NET_WIRE_H

#include "core/buffer.h"
#include "core/failure.h"
#include "core/target.h"
#include "net/loop.h"

/* One TCP or TLS connection to a server that speaks HTTP, at least at first: the name is
 * looked up, the next address is tried when one refuses or stays silent, the request is
 * sent, bytes come and go.  A request and an answer make an exchange; after an upgrade the
 * bytes are WebSocket frames.  lws carries it in its HTTP client role, whose read path is
 * in bulk, unlike that of its WebSocket role (README, architecture).
 *
 * The network thread only.  Its end is told exactly once, never from inside a call to it,
 * and after that the owner's pointer is gone: lws may still hold the memory a while. */
typedef struct cp_wire cp_wire;

typedef struct cp_wire_face {
    /* The answer's status line and headers are in.  false: end it. */
    bool (*answered)(void *owner, struct lws *wsi);
    void (*received)(void *owner, cp_slice bytes);
    void (*completed)(void *owner); /* an answer's body is whole; the end follows */
    void (*ended)(void *owner, const cp_failure *failure); /* kind NONE: the peer closed */
} cp_wire_face;

typedef struct cp_wire_request {
    const cp_target *target;
    const char *ca_file;
    const char *method;
    const char *path;
    cp_slice headers;  /* whole lines, Host excepted; wiped by whoever made them */
    cp_slice body;     /* absent: none */
    bool upgrades;     /* headers carry Connection: Upgrade */
    cp_usec deadline;  /* for the whole answer; for its headers, if they agree to upgrade */
} cp_wire_request;

/* Copies what it needs.  NULL: no memory; any other failure comes through ended(). */
cp_wire *cp_wire_open(cp_loop *loop, const cp_wire_request *request, const cp_wire_face *face,
                      void *owner);

/* Bytes to send, in order, as the socket takes them.  CP_ERR_TOO_LARGE: the peer does not
 * read, and CP_WIRE_UNSENT bytes are waiting. */
#define CP_WIRE_UNSENT (512 * 1024)
cp_status cp_wire_send(cp_wire *self, cp_slice bytes);

/* Ends it from anywhere, its own callbacks included; ended() follows, with this failure
 * (NULL: none). */
void cp_wire_kill(cp_wire *self, const cp_failure *failure);
void cp_wire_abandon(cp_wire *self); /* as kill, and ended() does not follow */

#endif
