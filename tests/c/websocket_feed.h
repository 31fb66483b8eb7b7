/* A scripted feed: bytes in pieces, and a transcript of what came out. */
#ifndef WEBSOCKET_FEED_H
#define WEBSOCKET_FEED_H

#include "core/websocket.h"
#include "test.h"

#ifndef LIMIT
#define LIMIT 70000
#endif

typedef struct transcript {
    char text[512];
    cp_status status;
    uint16_t close_code;
} transcript;

static inline void note(transcript *self, const char *format, ...)
{
    size_t end = strlen(self->text);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(self->text + end, sizeof self->text - end, format, arguments);
    va_end(arguments);
}

static inline void note_bytes(transcript *self, cp_slice bytes)
{
    if (bytes.length > 40) {
        note(self, "%zu bytes", bytes.length);
        return;
    }
    for (size_t i = 0; i < bytes.length; i++) {
        unsigned char byte = (unsigned char)bytes.data[i];
        note(self, byte >= ' ' && byte < 0x7F ? "%c" : "\\%02X", byte);
    }
}

static inline void note_message(transcript *self, const cp_message *message)
{
    static const char *const names[16] = {[CP_OPCODE_TEXT] = "text",
                                          [CP_OPCODE_BINARY] = "binary",
                                          [CP_OPCODE_CLOSE] = "close",
                                          [CP_OPCODE_PING] = "ping",
                                          [CP_OPCODE_PONG] = "pong"};
    CHECK(message->opcode < 16 && names[message->opcode]);
    note(self, "%s(", names[message->opcode]);
    if (message->opcode == CP_OPCODE_CLOSE) {
        size_t code = message->close_code == 1005 ? 0 : 2;
        CHECK_INT(message->payload.length, code + message->reason.length);
        note(self, "%d,", message->close_code);
        note_bytes(self, message->reason);
    } else {
        CHECK_INT(message->close_code, 0);
        note_bytes(self, message->payload);
    }
    note(self, ")");
    if (message->is_oversized)
        note(self, "oversized");
    note(self, " ");
}

/* In a block of its own, so that the sanitizer sees a read beyond the piece. */
static inline void feed_piece(cp_websocket *websocket, cp_slice piece, transcript *out)
{
    char *copy = malloc(piece.length + 1);
    cp_slice input = {copy + 1, piece.length}; /* odd: nothing may count on alignment */
    memcpy(copy + 1, piece.data, piece.length);
    while (out->status == CP_OK) {
        cp_message message;
        bool got;
        size_t before = input.length;
        out->status = cp_websocket_next(websocket, &input, &message, &got);
        out->close_code = cp_websocket_close_code(websocket);
        if (!got)
            break;
        CHECK_INT(out->status, CP_OK);
        CHECK(input.length < before);
        note_message(out, &message);
    }
    CHECK(out->status != CP_OK || input.length == 0);
    free(copy);
}

static inline transcript feed(cp_slice bytes, size_t first, size_t others)
{
    transcript out = {.status = CP_OK};
    cp_websocket *websocket = cp_websocket_new(LIMIT);
    CHECK(websocket != NULL);
    for (size_t length = first; bytes.length > 0; length = others) {
        length = length < bytes.length ? length : bytes.length;
        feed_piece(websocket, (cp_slice){bytes.data, length}, &out);
        bytes.data += length;
        bytes.length -= length;
    }
    if (out.status != CP_OK)
        note(&out, "%s %d", out.status == CP_ERR_TOO_LARGE ? "too large" : "broken",
             out.close_code);
    cp_websocket_free(websocket);
    return out;
}

/* The one message that must be there. */
static inline cp_status next(cp_websocket *self, cp_slice *input, cp_message *out)
{
    bool got;
    cp_status status = cp_websocket_next(self, input, out, &got);
    CHECK(status != CP_OK || got);
    return status;
}

#endif
