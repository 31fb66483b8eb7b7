#ifndef CP_NET_SOCKET_H
#define CP_NET_SOCKET_H

#include "core/websocket.h"
#include "net/wire.h"

/* A WebSocket to the server: the upgrade, frames both ways, an orderly close or an abrupt
 * one.  The network thread only; none of its owner's functions is called from inside a
 * call to it. */
typedef struct cp_socket cp_socket;

typedef struct cp_socket_face {
    void (*opened)(void *owner);
    void (*received)(void *owner, cp_slice text);
    void (*mangled)(void *owner, cp_status why); /* a whole message, not usable as text */
    void (*settled)(void *owner);                /* after a batch of the above */
    /* The last word: the peer's close code, 1006 when it sent none. */
    void (*ended)(void *owner, uint16_t code, cp_slice reason, bool clean,
                  const cp_failure *failure);
} cp_socket_face;

/* NULL: no memory; any other failure comes through ended().  `deadline` is the upgrade's. */
cp_socket *cp_socket_open(cp_loop *loop, const cp_target *target, const char *ca_file,
                          const char *version, cp_usec deadline, const cp_socket_face *face,
                          void *owner);
void cp_socket_send(cp_socket *self, cp_slice text);
void cp_socket_close(cp_socket *self); /* says 1000; ended() follows within a second */
void cp_socket_abort(cp_socket *self); /* no farewell; ended() follows */

#endif
