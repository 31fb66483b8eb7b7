/* libwebsockets with its own WebSocket role, as one uses it: messages are counted. */
#include <libwebsockets.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "floor.h"

#define READ_SIZE 65536 /* with lws's default of 4 KB it is slower */

static floor self;
static bool failed;

static int on_socket(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                     size_t length)
{
    (void)user;
    (void)in;
    (void)length;
    switch (reason) {
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
        floor_ready(&self);
        return 0;
    case LWS_CALLBACK_CLIENT_RECEIVE:
        if (lws_is_final_fragment(wsi) && lws_remaining_packet_payload(wsi) == 0)
            floor_heard(&self, 1);
        return 0;
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
    case LWS_CALLBACK_CLIENT_CLOSED:
        failed = true;
        return 0;
    default:
        return 0;
    }
}

int main(int argc, char **argv)
{
    static const struct lws_protocols protocols[] = {
        {.name = "floor", .callback = on_socket, .rx_buffer_size = READ_SIZE}, {.name = NULL}};
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN, .protocols = protocols, .pt_serv_buf_size = READ_SIZE};
    struct lws_client_connect_info to = {.address = "127.0.0.1",
                                         .host = "127.0.0.1",
                                         .origin = "127.0.0.1",
                                         .path = "/",
                                         .local_protocol_name = "floor"};
    (void)argc;
    floor_read(&self, argv + 1);
    lws_set_log_level(0, NULL);
    to.context = lws_create_context(&info);
    to.port = (int)self.port;
    if (!to.context || !lws_client_connect_via_info(&to)) {
        fprintf(stderr, "floor: lws does not connect\n");
        return 1;
    }
    while (!failed && lws_service(to.context, 0) >= 0)
        ;
    fprintf(stderr, "floor: the connection is lost\n");
    return 1;
}
