#include "net/wire_parts.h"

#include <openssl/x509_vfy.h>
#include <string.h>

/* ---- lws's callbacks; each returns what lws is to get, not 0 ending the connection */

/* lws announces "connection: close" before it asks for our headers; an upgrade says
 * something else about the connection, and servers read only one of the two. */
static void take_back_connection_close(unsigned char **at)
{
    static const char line[] = "connection: close\r\n";
    size_t length = sizeof line - 1;

    if (memcmp(*at - length, line, length) == 0)
        *at -= length;
}

static int append_headers(cp_wire *self, unsigned char **at, size_t room)
{
    cp_slice lines = cp_buffer_slice(&self->headers);

    if (self->is_dropped)
        return -1;
    self->is_connected = true;
    cp_wire_set_alarm(self, self->deadline);
    if (self->upgrades)
        take_back_connection_close(at);
    if (lines.length + 1 >= room) {
        cp_wire_fail(self, CP_FAILURE_CONFIG, "ERR_TOO_LARGE",
                     "the request's headers are too large");
        return -1;
    }
    memcpy(*at, lines.data, lines.length);
    *at += lines.length;
    if (self->has_body) {
        lws_client_http_body_pending(self->wsi, 1);
        lws_callback_on_writable(self->wsi);
    }
    return 0;
}

/* An error is not returned but killed: lws would try to flush what is left, on 4.1.6 for
 * ever, if the peer is gone. */
static void fail_write(cp_wire *self)
{
    cp_wire_fail(self, CP_FAILURE_CONNECTION_LOST, "ERR_CONNECTION_LOST", "writing failed");
}

static void write_unsent(cp_wire *self)
{
    bool is_body = self->has_body && !self->is_answered;
    size_t length = cp_wire_unsent(self);
    int written;

    if (length == 0 || (!is_body && !self->is_answered))
        return;
    if (is_body) {
        self->has_body = false;
        lws_client_http_body_pending(self->wsi, 0);
    }
    /* What the socket does not take now, lws keeps and sends by itself. */
    written = lws_write(self->wsi, (unsigned char *)self->unsent.data + LWS_PRE, length,
                        is_body ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP);
    cp_wire_forget_unsent(self);
    if (written < 0)
        fail_write(self);
}

static int on_answered(cp_wire *self)
{
    self->is_answered = true;
    cp_wire_leave_gate(self);
    lws_set_timeout(self->wsi, NO_PENDING_TIMEOUT, 0); /* ours are shorter */
    if (self->upgrades)
        cp_timer_cancel(&self->alarm); /* an answer's body has the same deadline */
    if (self->is_ending || self->owner == NULL || !self->face->answered(self->owner, self->wsi))
        return -1;
    if (cp_wire_unsent(self) > 0)
        lws_callback_on_writable(self->wsi);
    return 0;
}

/* Reads in bulk into the thread's scratch; the bytes come back as one callback. */
static void on_readable(cp_wire *self)
{
    char *scratch = (char *)cp_loop_scratch(self->loop);
    int length = CP_LOOP_SCRATCH;

    if (lws_http_client_read(self->wsi, &scratch, &length) != 0)
        cp_wire_kill(self, NULL); /* the peer's end, or ours; killed for the same reason */
    /* lws does not offer writing while there is something to read: a flood of frames
     * must not starve our pings.  It is also the last chance to say why we end it. */
    if (self->upgrades && cp_wire_unsent(self) > 0 && !lws_send_pipe_choked(self->wsi))
        write_unsent(self);
}

/* lws's words say whether it was TLS that failed, and little more. */
static bool is_about_tls(const char *words)
{
    return strstr(words, "SSL") != NULL || strstr(words, "tls") != NULL;
}

static void on_connection_error(cp_wire *self, const char *words)
{
    const char *reason = cp_loop_vhosts(self->loop)->handshake_failure;
    cp_failure failure = {0};

    if (words == NULL || self->is_dropped)
        words = "no connection"; /* and not what lws makes of our own impatience */
    if (self->target.tls && !self->is_connected && is_about_tls(words))
        cp_failure_set(&failure, CP_FAILURE_TLS, "ERR_TLS", "%s: %s", self->authority,
                       reason ? reason : words);
    else
        cp_failure_set(&failure, CP_FAILURE_CONNECTION_LOST, "ERR_CONNECT", "%s: %s",
                       self->authority, words);
    cp_wire_remember(self, &failure);
}

/* OpenSSL's verdict on a certificate; `verified` is its own opinion. */
static void on_certificate(cp_wire *self, X509_STORE_CTX *certificate, bool verified)
{
    cp_failure failure = {0};

    if (verified)
        return;
    cp_failure_set(&failure, CP_FAILURE_TLS, "ERR_TLS", "%s: %s", self->authority,
                   X509_verify_cert_error_string(X509_STORE_CTX_get_error(certificate)));
    cp_wire_remember(self, &failure);
}

static void on_closed(cp_wire *self)
{
    cp_failure failure = {0};

    if (!self->is_answered) {
        cp_failure_set(&failure, CP_FAILURE_CONNECTION_LOST, "ERR_CONNECTION_LOST",
                       "%s: closed before it answered", self->authority);
        cp_wire_remember(self, &failure);
    }
    if (self->is_connected)
        cp_wire_end(self); /* the owner need not wait for lws's lingering */
}

static int on_wire(cp_wire *self, enum lws_callback_reasons reason, void *in, size_t length)
{
    switch (reason) {
    case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:
        return append_headers(self, in, length);
    case LWS_CALLBACK_CLIENT_HTTP_WRITEABLE:
        write_unsent(self);
        return 0;
    case LWS_CALLBACK_ESTABLISHED_CLIENT_HTTP:
        return on_answered(self);
    case LWS_CALLBACK_RECEIVE_CLIENT_HTTP:
        on_readable(self);
        return 0;
    case LWS_CALLBACK_RECEIVE_CLIENT_HTTP_READ:
        if (!self->is_ending && self->owner != NULL)
            self->face->received(self->owner, (cp_slice){in, length});
        /* Our own on_readable() gets this, and it must: of a chunk whose length overflowed
         * lws would go on reading, far before its buffer. */
        return self->is_ending;
    case LWS_CALLBACK_COMPLETED_CLIENT_HTTP:
        if (!self->is_ending && self->owner != NULL)
            self->face->completed(self->owner);
        return -1; /* never idle, never reused */
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
        on_connection_error(self, in);
        return 0;
    case LWS_CALLBACK_CLOSED_CLIENT_HTTP:
        on_closed(self);
        return 0;
    case LWS_CALLBACK_WSI_DESTROY: /* the one that always comes */
        cp_wire_address_is_over(self);
        return 0;
    default:
        return 0;
    }
}

int cp_wire_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                     size_t length)
{
    cp_wire *self = wsi ? lws_get_opaque_user_data(wsi) : NULL;

    if (self == NULL)
        return 0;
    if (reason == LWS_CALLBACK_OPENSSL_PERFORM_SERVER_CERT_VERIFICATION) {
        on_certificate(self, user, length != 0);
        return 0; /* lws goes by OpenSSL's opinion */
    }
    return on_wire(self, reason, in, length);
}
