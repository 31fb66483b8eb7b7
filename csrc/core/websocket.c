#include "core/websocket.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/utf8.h"

enum {
    FINAL = 0x80, /* of the first byte */
    RESERVED = 0x70,
    OPCODE = 0x0F,
    MASKED = 0x80, /* of the second */
    LENGTH = 0x7F,
    TWO_BYTES_FOLLOW = 126, /* values of LENGTH */
    EIGHT_BYTES_FOLLOW = 127,

    HEADER_SIZE = 10, /* at most, of a frame from a server: it has no mask */
    CONTROL_SIZE = 125,
    KEPT_SIZE = 16 * 1024, /* gathering a larger message leaves no memory behind */

    CODE_PROTOCOL = 1002,
    CODE_NONE = 1005,
    CODE_NOT_UTF8 = 1007,
    CODE_TOO_LARGE = 1009,
    CODE_NO_MEMORY = 1011,
};

typedef struct frame_header {
    uint8_t opcode;
    bool is_final;
    uint64_t length;
} frame_header;

struct cp_websocket {
    size_t limit;
    cp_status broken; /* CP_OK: it is not */
    uint16_t close_code;
    bool was_closed;    /* by the peer; the rest is silence */
    bool was_given;     /* what is in `gathered` was lent and is to be forgotten */
    bool in_frame;      /* the header is read, `remaining` bytes of payload are not */
    frame_header frame; /* under way */
    uint64_t remaining; /* of its payload */

    uint8_t opcode;     /* of the message under way; CONTINUATION: there is none */
    uint64_t announced; /* its length, by the headers so far */
    cp_buffer gathered; /* its bytes, unless it is oversized */

    /* What was split in the middle of the input: at most one header or control frame. */
    uint8_t header[HEADER_SIZE];
    uint8_t header_length;
    uint8_t control_length;
    char control[CONTROL_SIZE];
};

cp_websocket *cp_websocket_new(size_t limit)
{
    cp_websocket *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->limit = limit;
    self->close_code = CODE_PROTOCOL;
    cp_buffer_init(&self->gathered);
    return self;
}

void cp_websocket_free(cp_websocket *self)
{
    if (!self)
        return;
    cp_buffer_destroy(&self->gathered);
    free(self);
}

uint16_t cp_websocket_close_code(const cp_websocket *self)
{
    return self->close_code;
}

static cp_status fail(cp_websocket *self, cp_status why, uint16_t code)
{
    self->close_code = code;
    return self->broken = why;
}

static cp_status break_off(cp_websocket *self)
{
    return fail(self, CP_ERR_PROTOCOL, CODE_PROTOCOL);
}

static cp_slice take(cp_slice *input, size_t length)
{
    cp_slice front = {input->data, length};
    input->data += length;
    input->length -= length;
    return front;
}

static bool is_control(uint8_t opcode)
{
    return opcode & 0x8;
}

static bool is_oversized(const cp_websocket *self)
{
    return self->announced > self->limit;
}

static uint64_t most(const cp_websocket *self)
{
    uint64_t limit = self->limit;
    return limit > UINT64_MAX / CP_OVERSIZED_MOST ? UINT64_MAX : limit * CP_OVERSIZED_MOST;
}

/* ---- headers */

static size_t header_size(uint8_t second)
{
    switch (second & LENGTH) {
    case TWO_BYTES_FOLLOW:
        return 2 + 2;
    case EIGHT_BYTES_FOLLOW:
        return 2 + 8;
    default:
        return 2;
    }
}

/* The next header: lent from the input when it lies there whole, else gathered.  NULL:
 * more bytes are needed. */
static const uint8_t *take_header(cp_websocket *self, cp_slice *input)
{
    if (self->header_length == 0 && input->length >= 2) {
        size_t size = header_size((uint8_t)input->data[1]);
        if (size <= input->length)
            return (const uint8_t *)take(input, size).data;
    }
    while (input->length > 0) {
        self->header[self->header_length++] = (uint8_t)*take(input, 1).data;
        if (self->header_length >= 2 && self->header_length == header_size(self->header[1])) {
            self->header_length = 0;
            return self->header;
        }
    }
    return NULL;
}

static uint64_t big_endian(const uint8_t *bytes, size_t count)
{
    uint64_t value = 0;
    for (size_t i = 0; i < count; i++)
        value = value << 8 | bytes[i];
    return value;
}

/* False: written in more bytes than it needs, or with the bit that must be 0. */
static bool read_length(const uint8_t *header, uint64_t *length)
{
    *length = header[1] & LENGTH;
    if (*length == TWO_BYTES_FOLLOW) {
        *length = big_endian(header + 2, 2);
        return *length >= TWO_BYTES_FOLLOW;
    }
    if (*length == EIGHT_BYTES_FOLLOW) {
        *length = big_endian(header + 2, 8);
        return *length > UINT16_MAX && *length <= INT64_MAX;
    }
    return true;
}

/* Whether such a frame may come now (RFC 6455 §5.2, §5.4, §5.5). */
static bool is_allowed(const cp_websocket *self, const frame_header *frame)
{
    switch (frame->opcode) {
    case CP_OPCODE_CONTINUATION:
        return self->opcode != CP_OPCODE_CONTINUATION;
    case CP_OPCODE_TEXT:
    case CP_OPCODE_BINARY:
        return self->opcode == CP_OPCODE_CONTINUATION;
    case CP_OPCODE_CLOSE:
    case CP_OPCODE_PING:
    case CP_OPCODE_PONG:
        return frame->is_final && frame->length <= CONTROL_SIZE;
    default:
        return false;
    }
}

/* A data frame adds to its message; what is too long to keep is forgotten at once. */
static cp_status begin_data(cp_websocket *self, const frame_header *frame)
{
    if (frame->opcode != CP_OPCODE_CONTINUATION) {
        self->opcode = frame->opcode;
        self->announced = 0;
    }
    if (frame->length > most(self) - self->announced) /* never negative, so never around */
        return fail(self, CP_ERR_TOO_LARGE, CODE_TOO_LARGE);
    self->announced += frame->length;
    if (is_oversized(self))
        cp_buffer_destroy(&self->gathered);
    return CP_OK;
}

static cp_status begin_frame(cp_websocket *self, const uint8_t *header)
{
    frame_header frame = {.opcode = header[0] & OPCODE, .is_final = header[0] & FINAL};
    if ((header[0] & RESERVED) || (header[1] & MASKED) || !read_length(header, &frame.length) ||
        !is_allowed(self, &frame))
        return break_off(self);

    cp_status status = is_control(frame.opcode) ? CP_OK : begin_data(self, &frame);
    self->frame = frame;
    self->remaining = frame.length;
    self->in_frame = status == CP_OK;
    return status;
}

/* ---- payloads */

/* The whole payload of a control frame; false: more bytes are needed. */
static bool take_control(cp_websocket *self, cp_slice *input, cp_slice *payload)
{
    if (self->control_length == 0 && input->length >= self->remaining) {
        *payload = take(input, (size_t)self->remaining);
        return true;
    }
    size_t length = input->length < self->remaining ? input->length : (size_t)self->remaining;
    if (length > 0)
        memcpy(self->control + self->control_length, take(input, length).data, length);
    self->control_length += (uint8_t)length;
    self->remaining -= length;
    if (self->remaining > 0)
        return false;
    *payload = (cp_slice){self->control, self->control_length};
    self->control_length = 0;
    return true;
}

/* The payload of a message once it is whole, absent when it is oversized; false: more
 * bytes, or frames, are needed. */
static bool take_data(cp_websocket *self, cp_slice *input, cp_slice *payload)
{
    bool is_last = self->frame.is_final && input->length >= self->remaining;
    size_t length = input->length < self->remaining ? input->length : (size_t)self->remaining;
    cp_slice bytes = take(input, length);
    self->remaining -= length;
    if (is_oversized(self))
        return is_last;
    if (is_last && self->gathered.length == 0) {
        *payload = bytes;
        return true;
    }
    cp_buffer_append(&self->gathered, bytes);
    if (!is_last)
        return false;
    *payload = cp_buffer_slice(&self->gathered);
    self->was_given = true;
    return true;
}

static void forget_given(cp_websocket *self)
{
    if (!self->was_given)
        return;
    self->was_given = false;
    if (self->gathered.capacity > KEPT_SIZE)
        cp_buffer_destroy(&self->gathered);
    else
        cp_buffer_clear(&self->gathered);
}

/* ---- messages */

/* Those the RFC defines for the wire, those registered since, and the two private ranges. */
static bool is_close_code(uint64_t code)
{
    if (code >= 1000 && code <= 1014)
        return code < 1004 || code > 1006;
    return code >= 3000 && code <= 4999;
}

static cp_status read_close(cp_websocket *self, cp_message *message)
{
    message->close_code = CODE_NONE;
    message->reason = message->payload;
    if (message->payload.length == 1)
        return break_off(self);
    if (message->payload.length > 1) {
        uint64_t code = big_endian((const uint8_t *)take(&message->reason, 2).data, 2);
        if (!is_close_code(code))
            return break_off(self);
        message->close_code = (uint16_t)code;
    }
    if (!cp_utf8_is_valid(message->reason))
        return fail(self, CP_ERR_PROTOCOL, CODE_NOT_UTF8);
    self->was_closed = true;
    return CP_OK;
}

/* The payload is whole: what it says as a message of its kind. */
static cp_status finish(cp_websocket *self, cp_message *message)
{
    if (is_control(self->frame.opcode)) {
        message->opcode = self->frame.opcode;
        return message->opcode == CP_OPCODE_CLOSE ? read_close(self, message) : CP_OK;
    }
    message->opcode = self->opcode;
    message->is_oversized = is_oversized(self);
    self->opcode = CP_OPCODE_CONTINUATION;
    return CP_OK;
}

/* One step: a header if one is due, then as much of its payload as there is. */
static cp_status advance(cp_websocket *self, cp_slice *input, cp_message *out, bool *got)
{
    if (!self->in_frame) {
        const uint8_t *header = take_header(self, input);
        cp_status status = header ? begin_frame(self, header) : CP_OK;
        if (!header || status != CP_OK)
            return status;
    }
    bool is_whole = is_control(self->frame.opcode) ? take_control(self, input, &out->payload)
                                                   : take_data(self, input, &out->payload);
    if (cp_buffer_status(&self->gathered) != CP_OK)
        return fail(self, CP_ERR_NOMEM, CODE_NO_MEMORY);
    self->in_frame = !is_whole && self->remaining > 0;
    if (!is_whole)
        return CP_OK;

    cp_status status = finish(self, out);
    *got = status == CP_OK;
    return status;
}

cp_status cp_websocket_next(cp_websocket *self, cp_slice *input, cp_message *out, bool *got)
{
    *out = (cp_message){0};
    *got = false;
    forget_given(self);
    if (self->broken != CP_OK)
        return self->broken;

    while (input->length > 0 && !*got) {
        if (self->was_closed)
            take(input, input->length);
        else if (advance(self, input, out, got) != CP_OK)
            return self->broken;
    }
    return CP_OK;
}

/* ---- writing */

static uint8_t length_class(size_t length)
{
    if (length < TWO_BYTES_FOLLOW)
        return (uint8_t)length;
    return length <= UINT16_MAX ? TWO_BYTES_FOLLOW : EIGHT_BYTES_FOLLOW;
}

static size_t write_header(uint8_t *header, cp_opcode opcode, size_t length)
{
    header[0] = (uint8_t)(FINAL | opcode);
    header[1] = (uint8_t)(MASKED | length_class(length));
    size_t size = header_size(header[1]);
    uint64_t rest = length;
    for (size_t i = size; i > 2; rest >>= 8)
        header[--i] = (uint8_t)rest;
    return size;
}

/* Eight bytes at a time; the mask is four bytes in memory, so their order does not matter. */
static void write_masked(char *out, cp_slice payload, uint32_t mask)
{
    uint64_t two_masks = (uint64_t)mask << 32 | mask, eight;
    size_t at = 0;
    for (; payload.length - at >= sizeof eight; at += sizeof eight) {
        memcpy(&eight, payload.data + at, sizeof eight);
        eight ^= two_masks;
        memcpy(out + at, &eight, sizeof eight);
    }
    for (; at < payload.length; at++)
        out[at] = (char)(payload.data[at] ^ ((const char *)&two_masks)[at % sizeof mask]);
}

void cp_websocket_write(cp_buffer *out, cp_opcode opcode, cp_slice payload, uint32_t mask)
{
    assert(!is_control((uint8_t)opcode) || payload.length <= CONTROL_SIZE);
    uint8_t header[HEADER_SIZE];
    size_t before = write_header(header, opcode, payload.length);
    size_t length = before + sizeof mask + payload.length;

    char *room = cp_buffer_reserve(out, length);
    if (!room)
        return;
    memcpy(room, header, before);
    memcpy(room + before, &mask, sizeof mask);
    write_masked(room + before + sizeof mask, payload, mask);
    out->length += length;
}

void cp_websocket_write_close(cp_buffer *out, uint16_t code, cp_slice reason, uint32_t mask)
{
    if (code == CODE_NONE) {
        cp_websocket_write(out, CP_OPCODE_CLOSE, CP_ABSENT_SLICE, mask);
        return;
    }
    char payload[CONTROL_SIZE + 1] = {(char)(code >> 8), (char)(code & 0xFF)};
    char *text = payload + 2;
    cp_utf8_copy(text, CONTROL_SIZE + 1 - 2, reason);
    cp_websocket_write(out, CP_OPCODE_CLOSE, (cp_slice){payload, 2 + strlen(text)}, mask);
}
