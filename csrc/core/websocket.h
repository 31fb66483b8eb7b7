#ifndef CP_CORE_WEBSOCKET_H
#define CP_CORE_WEBSOCKET_H

#include <stdbool.h>
#include <stdint.h>

#include "core/buffer.h"
#include "core/slice.h"
#include "core/status.h"

/* RFC 6455 frames, client side, without a socket: bytes in, messages out.  The handshake
 * is the transport's.  A message that lies whole in the bytes given is lent from there,
 * not copied; only one that is split or fragmented is gathered, up to `limit` bytes.  A
 * message over the limit is read past, not kept; one that would take all day is an error. */
typedef enum cp_opcode {
    CP_OPCODE_CONTINUATION = 0x0,
    CP_OPCODE_TEXT = 0x1,
    CP_OPCODE_BINARY = 0x2,
    CP_OPCODE_CLOSE = 0x8,
    CP_OPCODE_PING = 0x9,
    CP_OPCODE_PONG = 0xA,
} cp_opcode;

typedef struct cp_message {
    cp_opcode opcode;    /* never CONTINUATION */
    cp_slice payload;    /* lent until the next call */
    uint16_t close_code; /* CLOSE: 1005 when it carried none */
    cp_slice reason;     /* CLOSE: what follows the code in the payload */
    bool is_oversized;   /* TEXT, BINARY: it was over the limit; payload is absent */
} cp_message;

typedef struct cp_websocket cp_websocket;

/* `limit` of one message; up to so many times as large it is read past.  NULL: no memory. */
#define CP_OVERSIZED_MOST 64
cp_websocket *cp_websocket_new(size_t limit);
void cp_websocket_free(cp_websocket *self);

/* Takes bytes off the front of `input`.  CP_OK and `*got` true: a message; false: more
 * bytes are needed and `input` is empty.  CP_ERR_PROTOCOL or CP_ERR_TOO_LARGE: the peer
 * broke the rules, cp_websocket_close_code() says which; CP_ERR_NOMEM.  After an error
 * every call repeats it.  Whether a text is UTF-8 is for its reader to judge; one over the
 * limit is given as such: the owner counts it and lives on.  Whatever comes after
 * a CLOSE is swallowed. */
cp_status cp_websocket_next(cp_websocket *self, cp_slice *input, cp_message *out, bool *got);
uint16_t cp_websocket_close_code(const cp_websocket *self); /* to tell the peer after an error */

/* Appends one masked frame.  `mask` must be unpredictable.  Not more than 125 bytes in a
 * PING, PONG or CLOSE. */
void cp_websocket_write(cp_buffer *out, cp_opcode opcode, cp_slice payload, uint32_t mask);
/* A reason too long is cut between characters.  1005 writes neither code nor reason, so
 * that any CLOSE can be answered with its own code. */
void cp_websocket_write_close(cp_buffer *out, uint16_t code, cp_slice reason, uint32_t mask);

#endif
