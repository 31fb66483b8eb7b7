#include "core/websocket.h"

#include "websocket_feed.h"

/* What a server would read: the frame with its mask taken off. */
static void unmask(cp_buffer *frame)
{
    unsigned char *bytes = (unsigned char *)frame->data;
    size_t header = (bytes[1] & 0x7F) == 126 ? 4 : (bytes[1] & 0x7F) == 127 ? 10 : 2;
    CHECK(bytes[1] & 0x80);
    bytes[1] &= 0x7F;
    for (size_t i = header + 4; i < frame->length; i++)
        bytes[i] ^= bytes[header + (i - header - 4) % 4];
    memmove(bytes + header, bytes + header + 4, frame->length - header - 4);
    frame->length -= 4;
}

static void check_round_trip(cp_opcode opcode, size_t length, uint32_t mask)
{
    char *payload = malloc(length + 1);
    for (size_t i = 0; i < length; i++)
        payload[i] = (char)('a' + i % 23);

    cp_buffer out;
    cp_buffer_init(&out);
    cp_websocket_write(&out, opcode, (cp_slice){payload, length}, mask);
    CHECK_INT(cp_buffer_status(&out), CP_OK);
    unmask(&out);

    cp_websocket *reader = cp_websocket_new(1 << 20);
    cp_slice input = cp_buffer_slice(&out);
    cp_message message;
    CHECK_INT(next(reader, &input, &message), CP_OK);
    CHECK_INT(message.opcode, opcode);
    CHECK(cp_slice_equal(message.payload, (cp_slice){payload, length}));
    CHECK_INT(input.length, 0);
    cp_websocket_free(reader);
    cp_buffer_destroy(&out);
    free(payload);
}

TEST(what_is_written_can_be_read)
{
    static const size_t lengths[] = {125, 126, 127, 128, 1000, 65535, 65536, 65537, 300000};
    for (size_t length = 0; length < 40; length++)
        check_round_trip(CP_OPCODE_PING, length, 0x12345678u + (uint32_t)length);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        check_round_trip(CP_OPCODE_TEXT, lengths[i], 0xDEADBEEFu);
        check_round_trip(CP_OPCODE_BINARY, lengths[i], 0);
    }
}

TEST(a_written_frame_is_final_masked_and_as_short_as_can_be)
{
    cp_buffer out;
    cp_buffer_init(&out);
    uint32_t mask;
    memcpy(&mask, "\x37\xFA\x21\x3D", 4);
    cp_websocket_write(&out, CP_OPCODE_TEXT, cp_slice_of("Hello"), mask); /* RFC 6455 §5.7 */
    CHECK(cp_slice_equal(cp_buffer_slice(&out),
                         (cp_slice){"\x81\x85\x37\xFA\x21\x3D\x7F\x9F\x4D\x51\x58", 11}));
    cp_websocket_write(&out, CP_OPCODE_PONG, CP_ABSENT_SLICE, mask); /* appended */
    CHECK_INT(out.length, 17);
    CHECK(memcmp(out.data + 11, "\x8A\x80", 2) == 0);
    cp_buffer_destroy(&out);
}

static const char *closing(uint16_t code, const char *reason)
{
    static transcript read;
    cp_buffer out;
    cp_buffer_init(&out);
    cp_websocket_write_close(&out, code, cp_slice_of(reason), 0xA5C3F00Fu);
    unmask(&out);
    read = feed(cp_buffer_slice(&out), 200, 200);
    cp_buffer_destroy(&out);
    return read.text;
}

TEST(a_written_close_carries_code_and_reason)
{
    CHECK_TEXT(closing(1000, "User logged out"), "close(1000,User logged out) ");
    CHECK_TEXT(closing(4001, NULL), "close(4001,) ");
    CHECK_TEXT(closing(1005, "not written"), "close(1005,) ");
}

TEST(a_reason_too_long_is_cut_between_characters)
{
    char reason[200];
    memset(reason, 'r', sizeof reason);
    reason[123] = '\0';
    CHECK_TEXT(closing(1000, reason), "close(1000,123 bytes) ");
    memcpy(reason + 122, "\xC3\xA4", 3); /* bytes 123 and 124 */
    CHECK_TEXT(closing(1000, reason), "close(1000,122 bytes) ");
    memset(reason, 'r', sizeof reason - 1);
    reason[sizeof reason - 1] = '\0';
    CHECK_TEXT(closing(1000, reason), "close(1000,123 bytes) ");
}

TEST(writing_without_memory_is_remembered_by_the_buffer)
{
    cp_buffer out;
    cp_buffer_init(&out);
    fail_allocation(1);
    cp_websocket_write(&out, CP_OPCODE_TEXT, cp_slice_of("Hello"), 1);
    CHECK(allocation_failed());
    CHECK_INT(cp_buffer_status(&out), CP_ERR_NOMEM);
    CHECK_INT(out.length, 0);
    cp_buffer_destroy(&out);
}
