/* The one road from socket to listener, in C alone: bytes as they come from the network go
 * in, a function is called.  Neither Python nor lws is linked. */
#include "core/listeners.h"
#include "core/websocket.h"

#include "session_feed.h"

enum { WANTS_ONLINE = 1, WANTS_OFFLINE = 2 };

/* What a listener is here: a function of this program. */
typedef void (*on_change)(const cp_change *change);

typedef struct target {
    on_change call;
} target;

static cp_listeners *listeners;
static char heard[256]; /* "+bob" came online, "-bob" went offline */

static void hear_change(const cp_change *change)
{
    cp_slice uid = cp_user_text_of(change->user, CP_USER_UID);
    size_t end = strlen(heard);

    snprintf(heard + end, sizeof heard - end, "%c%.*s ", change->status == CP_ONLINE ? '+' : '-',
             (int)uid.length, uid.data);
}

static void keep(void *unused)
{
    (void)unused; /* targets are static here */
}

/* ---- the server's side: frames without a mask */

static cp_buffer bytes;

static void put_frame(unsigned char opcode, const char *text)
{
    size_t length = strlen(text);
    char header[4] = {(char)(0x80 | opcode), (char)length};
    size_t header_length = 2;

    if (length > 125) {
        header[1] = 126;
        header[2] = (char)(length >> 8);
        header[3] = (char)(length & 0xff);
        header_length = 4;
    }
    cp_buffer_append(&bytes, (cp_slice){header, header_length});
    cp_buffer_append_text(&bytes, text);
}

static void put_presence(const char *uid, const char *action)
{
    char text[512];

    snprintf(text, sizeof text,
             "{\"appId\":\"app1\",\"deviceId\":\"WEB-other\",\"type\":\"presence\","
             "\"sender\":\"%s\",\"body\":{\"action\":\"%s\",\"timestamp\":1700001111,"
             "\"user\":{\"uid\":\"%s\",\"name\":\"N\",\"status\":\"available\"}}}",
             uid, action, uid);
    put_frame(CP_OPCODE_TEXT, text);
}

/* ---- our side */

static void tell_listeners(void)
{
    cp_change change;

    while (cp_roster_next_change(roster, &change)) {
        cp_delivery round;

        cp_delivery_begin(&round, listeners,
                          change.status == CP_ONLINE ? WANTS_ONLINE : WANTS_OFFLINE);
        for (target *each; (each = cp_delivery_next(&round)) != NULL;)
            each->call(&change);
        cp_delivery_end(&round);
        cp_user_release(change.user);
    }
}

static void take_message(const cp_message *message)
{
    if (message->opcode != CP_OPCODE_TEXT)
        return;
    cp_session_received(session, message->payload, now);
    pump();
    tell_listeners();
}

static void come_in(cp_websocket *websocket, cp_slice piece)
{
    cp_message message;
    bool got = true;

    while (got) {
        CHECK_INT(cp_websocket_next(websocket, &piece, &message, &got), CP_OK);
        if (got)
            take_message(&message);
    }
    CHECK_INT(piece.length, 0);
}

static void come_in_pieces_of(size_t size)
{
    cp_websocket *websocket = cp_websocket_new(256 * 1024);
    cp_slice rest = cp_buffer_slice(&bytes);

    while (rest.length > 0) {
        size_t length = rest.length < size ? rest.length : size;
        char *piece = malloc(length); /* alone, so that a look beyond its end is seen */

        memcpy(piece, rest.data, length);
        come_in(websocket, (cp_slice){piece, length});
        free(piece);
        rest = (cp_slice){rest.data + length, rest.length - length};
    }
    cp_websocket_free(websocket);
}

TEST(bytes_come_in_and_a_function_of_c_is_called)
{
    static target both = {hear_change}, online = {hear_change};

    cp_buffer_init(&bytes);
    put_frame(CP_OPCODE_TEXT, ACCEPTED);
    put_presence("bob", "online");
    put_frame(CP_OPCODE_PING, "are you there");
    put_frame(CP_OPCODE_TEXT, "\xff\xfe, which is no text");
    put_presence("bob", "online"); /* no news */
    put_presence("zoe", "online");
    put_presence("bob", "offline");
    for (size_t size = 1; size <= bytes.length; size++) {
        begin_session();
        listeners = cp_listeners_new(keep);
        CHECK_INT(
            cp_listeners_add(listeners, cp_slice_of("both"), WANTS_ONLINE | WANTS_OFFLINE, &both),
            CP_OK);
        CHECK_INT(cp_listeners_add(listeners, cp_slice_of("online"), WANTS_ONLINE, &online), CP_OK);
        log_in();
        opened();
        heard[0] = '\0';
        come_in_pieces_of(size);
        CHECK_TEXT(heard, "+bob +bob +zoe +zoe -bob ");
        CHECK_INT(cp_session_counts_of(session).malformed, 1);
        cp_listeners_free(listeners);
        end_session();
    }
    cp_buffer_destroy(&bytes);
}

TEST(a_listener_that_was_removed_is_not_called)
{
    static target gone = {hear_change};

    begin_session();
    cp_buffer_init(&bytes);
    listeners = cp_listeners_new(keep);
    CHECK_INT(cp_listeners_add(listeners, cp_slice_of("gone"), WANTS_ONLINE, &gone), CP_OK);
    CHECK(cp_listeners_remove(listeners, cp_slice_of("gone")));
    log_in();
    opened();
    put_frame(CP_OPCODE_TEXT, ACCEPTED);
    put_presence("bob", "online");
    heard[0] = '\0';
    come_in_pieces_of(bytes.length);
    CHECK_TEXT(heard, "");
    CHECK_INT(cp_roster_status(roster, cp_slice_of("bob")), CP_ONLINE);
    cp_listeners_free(listeners);
    cp_buffer_destroy(&bytes);
    end_session();
}
