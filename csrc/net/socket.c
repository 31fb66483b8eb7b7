#include "net/socket.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/utf8.h"

#define MESSAGE_LIMIT (256 * 1024)
#define FAREWELL (1 * CP_USEC_PER_SEC) /* how long the peer has to answer our close frame */
#define CLOSE_REASON "User logged out" /* with 1000, as the official SDKs say (PROTOCOL §4.4) */
#define HANDSHAKE_GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" /* RFC 6455 §1.3 */

struct cp_socket {
    cp_loop *loop;
    const cp_socket_face *face;
    void *owner;
    cp_wire *wire; /* NULL: it ended, and so did we */
    cp_websocket *frames;
    char accept[32]; /* what the server must answer to our key */
    bool is_open;
    bool has_said_goodbye;
    bool is_over; /* we killed it: what still comes in is not looked at */

    uint16_t close_code; /* the peer's */
    char close_reason[124];
    bool is_clean;
    cp_timer farewell;
};

/* ---- the upgrade */

static void make_key(cp_socket *self, char *key, size_t size)
{
    unsigned char random[16], digest[20];
    char text[96];
    int length;

    lws_get_random(cp_loop_context(self->loop), random, sizeof random);
    lws_b64_encode_string((const char *)random, sizeof random, key, (int)size);
    length = snprintf(text, sizeof text, "%s" HANDSHAKE_GUID, key);
    lws_SHA1((const unsigned char *)text, (size_t)length, digest);
    lws_b64_encode_string((const char *)digest, sizeof digest, self->accept, sizeof self->accept);
}

static bool header_is(struct lws *wsi, enum lws_token_indexes token, const char *value,
                      int (*compare)(const char *, const char *))
{
    char text[64];

    return lws_hdr_copy(wsi, text, sizeof text, token) > 0 && compare(text, value) == 0;
}

/* NULL: the server agreed to a WebSocket, and to nothing we did not offer. */
static const char *objection(const cp_socket *self, struct lws *wsi)
{
    if (lws_http_client_http_response(wsi) != 101)
        return "the server refused the WebSocket";
    if (!header_is(wsi, WSI_TOKEN_UPGRADE, "websocket", strcasecmp))
        return "101 without Upgrade: websocket";
    if (!header_is(wsi, WSI_TOKEN_ACCEPT, self->accept, strcmp))
        return "101 with a wrong Sec-WebSocket-Accept";
    if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH) > 0 ||
        lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING) > 0)
        return "101 with a body";
    if (lws_hdr_total_length(wsi, WSI_TOKEN_EXTENSIONS) > 0 ||
        lws_hdr_total_length(wsi, WSI_TOKEN_PROTOCOL) > 0)
        return "101 with an extension or subprotocol that was not offered";
    return NULL;
}

static bool on_answered(void *owner, struct lws *wsi)
{
    cp_socket *self = owner;
    const char *why = objection(self, wsi);

    if (why != NULL) {
        cp_failure failure = {0};

        cp_failure_set(&failure, CP_FAILURE_PROTOCOL, "ERR_UPGRADE", "%s (HTTP %u)", why,
                       lws_http_client_http_response(wsi));
        cp_wire_kill(self->wire, &failure);
        return false;
    }
    self->is_open = true;
    self->face->opened(self->owner);
    return true;
}

/* ---- frames out */

static uint32_t mask(cp_socket *self)
{
    uint32_t random;

    lws_get_random(cp_loop_context(self->loop), &random, sizeof random);
    return random;
}

static void end_by(cp_socket *self, const cp_failure *failure)
{
    self->is_over = true;
    cp_wire_kill(self->wire, failure);
}

static void end_without_memory(cp_socket *self)
{
    cp_failure failure = {0};

    (void)cp_failure_no_memory(&failure);
    end_by(self, &failure);
}

static void break_off(cp_socket *self, const char *words)
{
    cp_failure failure = {0};

    cp_failure_set(&failure, CP_FAILURE_PROTOCOL, "ERR_PROTOCOL", "%s", words);
    end_by(self, &failure);
}

static void send_frame(cp_socket *self, const cp_buffer *frame)
{
    cp_status status = cp_buffer_status(frame);

    if (self->wire == NULL || self->is_over)
        return;
    if (status == CP_OK)
        status = cp_wire_send(self->wire, cp_buffer_slice(frame));
    if (status == CP_ERR_NOMEM)
        end_without_memory(self);
    else if (status != CP_OK)
        break_off(self, "the server does not read what we send");
}

static void send_message(cp_socket *self, cp_opcode opcode, cp_slice payload)
{
    cp_buffer frame;

    cp_buffer_init(&frame);
    cp_websocket_write(&frame, opcode, payload, mask(self));
    send_frame(self, &frame);
    cp_buffer_wipe(&frame); /* a jwt may have been in it */
    cp_buffer_destroy(&frame);
}

static void send_close(cp_socket *self, uint16_t code, const char *reason)
{
    cp_buffer frame;

    if (self->has_said_goodbye)
        return;
    self->has_said_goodbye = true;
    cp_buffer_init(&frame);
    cp_websocket_write_close(&frame, code, cp_slice_of(reason), mask(self));
    send_frame(self, &frame);
    cp_buffer_destroy(&frame);
}

void cp_socket_send(cp_socket *self, cp_slice text)
{
    if (self->is_open && !self->has_said_goodbye)
        send_message(self, CP_OPCODE_TEXT, text);
}

/* ---- frames in */

static void on_farewell(cp_timer *timer)
{
    cp_socket *self = lws_container_of(timer, cp_socket, farewell);

    self->is_over = true;
    cp_wire_kill(self->wire, NULL);
}

/* The server closes the TCP connection after a close frame; one that does not is helped. */
static void wait_for_the_end(cp_socket *self)
{
    cp_loop_set_timer(self->loop, &self->farewell, FAREWELL, on_farewell);
}

static void take_close(cp_socket *self, const cp_message *message)
{
    self->close_code = message->close_code;
    self->is_clean = true;
    cp_utf8_copy(self->close_reason, sizeof self->close_reason, message->reason);
    send_close(self, message->close_code == 1005 ? 1000 : message->close_code, "");
    wait_for_the_end(self);
}

static void take_text(cp_socket *self, const cp_message *message)
{
    if (message->is_oversized)
        self->face->mangled(self->owner, CP_ERR_TOO_LARGE);
    else
        self->face->received(self->owner, message->payload);
}

static void take_message(cp_socket *self, const cp_message *message)
{
    switch (message->opcode) {
    case CP_OPCODE_TEXT:
        take_text(self, message);
        break;
    case CP_OPCODE_BINARY:
        self->face->mangled(self->owner, CP_ERR_MALFORMED);
        break;
    case CP_OPCODE_PING:
        send_message(self, CP_OPCODE_PONG, message->payload);
        break;
    case CP_OPCODE_CLOSE:
        take_close(self, message);
        break;
    default: /* an unasked pong */
        break;
    }
}

static void on_broken(cp_socket *self, cp_status status)
{
    send_close(self, cp_websocket_close_code(self->frames), "");
    if (status == CP_ERR_NOMEM)
        end_without_memory(self);
    else if (status == CP_ERR_TOO_LARGE)
        break_off(self, "the server sent a message over the limit");
    else
        break_off(self, "the server broke the WebSocket protocol");
}

static void on_received(void *owner, cp_slice bytes)
{
    cp_socket *self = owner;
    bool got = true;

    while (!self->is_over && !self->is_clean) {
        cp_message message;
        cp_status status = cp_websocket_next(self->frames, &bytes, &message, &got);

        if (status != CP_OK) {
            on_broken(self, status);
            break;
        }
        if (!got)
            break;
        take_message(self, &message);
    }
    self->face->settled(self->owner);
}

/* ---- the end */

static void free_socket(cp_socket *self)
{
    cp_timer_cancel(&self->farewell);
    cp_websocket_free(self->frames);
    free(self);
}

static void on_ended(void *owner, const cp_failure *failure)
{
    cp_socket *self = owner;
    cp_slice reason = cp_slice_of(self->close_reason);

    self->wire = NULL;
    self->face->ended(self->owner, self->is_clean ? self->close_code : 1006, reason, self->is_clean,
                      failure);
    free_socket(self);
}

static void on_completed(void *owner)
{
    (void)owner; /* the peer closed; the end follows */
}

static const cp_wire_face wire_face = {on_answered, on_received, on_completed, on_ended};

static bool open_wire(cp_socket *self, const cp_target *target, const char *ca_file,
                      const char *version, cp_usec deadline)
{
    char key[32], headers[256], path[sizeof target->prefix + 1];
    cp_wire_request request = {
        .target = target,
        .ca_file = ca_file,
        .method = "GET",
        .path = path,
        .upgrades = true,
        .deadline = deadline,
    };

    make_key(self, key, sizeof key);
    snprintf(path, sizeof path, "%s/", target->prefix);
    snprintf(headers, sizeof headers,
             "User-Agent: cometpresence/%.32s\r\n"
             "Upgrade: websocket\r\n"
             "Connection: Upgrade\r\n"
             "Sec-WebSocket-Key: %s\r\n"
             "Sec-WebSocket-Version: 13\r\n",
             version, key);
    request.headers = cp_slice_of(headers);
    self->wire = cp_wire_open(self->loop, &request, &wire_face, self);
    return self->wire != NULL;
}

cp_socket *cp_socket_open(cp_loop *loop, const cp_target *target, const char *ca_file,
                          const char *version, cp_usec deadline, const cp_socket_face *face,
                          void *owner)
{
    cp_socket *self = calloc(1, sizeof *self);

    if (self == NULL)
        return NULL;
    self->loop = loop;
    self->face = face;
    self->owner = owner;
    self->frames = cp_websocket_new(MESSAGE_LIMIT);
    if (self->frames == NULL || !open_wire(self, target, ca_file, version, deadline)) {
        free_socket(self);
        return NULL;
    }
    return self;
}

void cp_socket_close(cp_socket *self)
{
    if (!self->is_open) {
        cp_socket_abort(self);
        return;
    }
    if (self->has_said_goodbye)
        return;
    send_close(self, 1000, CLOSE_REASON);
    wait_for_the_end(self);
}

void cp_socket_abort(cp_socket *self)
{
    self->is_over = true;
    cp_wire_kill(self->wire, NULL);
}
