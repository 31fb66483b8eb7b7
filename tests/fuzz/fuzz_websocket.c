/* Frames of a WebSocket: messages and errors are the same whole, byte by byte, and in any two
 * sizes of pieces; no message is over the limit.
 *
 * Reaches at least 200 edges. */
#include "fuzz.h"

#define LIMIT 64 /* of a message: small, so that inputs reach it */
#include "../c/websocket_feed.h"

static void check_same(const transcript *a, const transcript *b)
{
    CHECK_INT(a->status, b->status);
    CHECK_INT(a->close_code, b->close_code);
    CHECK_TEXT(a->text, b->text);
}

/* A frame of ours is one that a server's reader, which is not ours, could read: unmasked
 * again, it is what was written. */
static void check_written(cp_slice payload, uint32_t mask)
{
    cp_buffer out;
    size_t head;

    cp_buffer_init(&out);
    cp_websocket_write(&out, CP_OPCODE_TEXT, payload, mask);
    head = out.length - payload.length;
    CHECK_INT(head, payload.length < 126 ? 6 : payload.length < 65536 ? 8 : 14);
    for (size_t i = 0; i < payload.length; i++)
        CHECK_INT((out.data[head + i] ^ out.data[head - 4 + i % 4]) & 0xFF, payload.data[i] & 0xFF);
    cp_buffer_destroy(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cp_slice bytes = slice_of_input(data, size);
    transcript whole, other;

    if (size < 2)
        return 0;
    bytes.data += 2;
    bytes.length -= 2;
    whole = feed(bytes, bytes.length, bytes.length);
    other = feed(bytes, 1, 1);
    check_same(&whole, &other);
    other = feed(bytes, 1u + data[0], 1u + data[1]);
    check_same(&whole, &other);
    check_written(bytes, (uint32_t)data[0] << 24 | data[1]);
    return 0;
}
