#include "net/wire.h"

#include <openssl/x509_vfy.h>
#include <stdlib.h>
#include <string.h>

#include "net/inherited.h"
#include "net/resolver.h"

/* At least this long for one address before the next is tried. */
#define PATIENCE (1 * CP_USEC_PER_SEC)
#define AGAIN (20 * CP_USEC_PER_MS) /* until a connection that was killed is gone */

struct cp_wire {
    cp_loop *loop;
    const cp_wire_face *face;
    void *owner; /* NULL: told, or not interested any more */

    cp_target target;
    char authority[160]; /* for Host; lws takes name of server and certificate from it */
    char *ca_file, *path, *method;
    cp_buffer headers; /* secrets among them */
    bool upgrades;
    cp_usec deadline;

    cp_lookup *lookup;
    cp_addresses addresses;
    unsigned next_address;

    struct lws *wsi; /* NULL: lws holds nothing of ours */
    cp_inherited *inherited;
    bool is_starting;  /* inside lws's connect call, which may call back and still fail */
    bool is_connected; /* TCP and TLS stand: no further address is tried */
    bool is_answered;
    bool is_dropped; /* lws was told to end this wsi */
    bool is_ending;
    cp_failure failure; /* the first one wins */

    cp_buffer unsent; /* LWS_PRE bytes of room, then what is to be written */
    bool has_body;    /* it is the request's, and lws is to be told */
    lws_sorted_usec_list_t axe;    /* lifted until lws lets go */
    lws_sorted_usec_list_t alarm;  /* patience with an address, or the deadline */
    lws_sorted_usec_list_t finale; /* telling the owner, from the event loop */
};

/* ---- memory */

static void free_wire(cp_wire *self)
{
    lws_sul_cancel(&self->alarm);
    lws_sul_cancel(&self->finale);
    lws_sul_cancel(&self->axe);
    cp_lookup_cancel(self->lookup);
    cp_inherited_remove(self->inherited);
    cp_buffer_wipe(&self->headers);
    cp_buffer_destroy(&self->headers);
    cp_buffer_wipe(&self->unsent);
    cp_buffer_destroy(&self->unsent);
    free(self->ca_file);
    free(self->path);
    free(self->method);
    free(self);
}

static void reset_unsent(cp_wire *self)
{
    static const char room[LWS_PRE];

    cp_buffer_wipe(&self->unsent);
    cp_buffer_append(&self->unsent, (cp_slice){room, sizeof room});
}

static size_t unsent(const cp_wire *self)
{
    return self->unsent.length - LWS_PRE;
}

/* ---- ending */

static void remember(cp_wire *self, const cp_failure *failure)
{
    if (self->failure.kind == CP_FAILURE_NONE && failure != NULL)
        self->failure = *failure;
}

static void tell_ended(lws_sorted_usec_list_t *sul)
{
    cp_wire *self = lws_container_of(sul, cp_wire, finale);
    void *owner = self->owner;

    self->owner = NULL;
    if (owner != NULL)
        self->face->ended(owner, &self->failure);
    if (self->wsi == NULL)
        free_wire(self); /* else lws's last word on it does */
}

/* The owner is told from the event loop, so that no call of his re-enters him. */
static void end(cp_wire *self)
{
    if (self->is_ending)
        return;
    self->is_ending = true;
    cp_lookup_cancel(self->lookup);
    self->lookup = NULL;
    lws_sul_cancel(&self->alarm);
    lws_sul_schedule(cp_loop_context(self->loop), 0, &self->finale, tell_ended, 1);
}

/* The only way to end a connection that is safe from every callback, on every version: no
 * close reason, no error returned while reading or writing, lws does it from its loop.
 * lws keeps one timeout a connection and replaces it at each stage, so once is not enough. */
static void drop(cp_wire *self);

static void lift_axe(lws_sorted_usec_list_t *sul)
{
    drop(lws_container_of(sul, cp_wire, axe));
}

static void drop(cp_wire *self)
{
    if (self->wsi == NULL)
        return;
    self->is_dropped = true;
    lws_set_timeout(self->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
    lws_sul_schedule(cp_loop_context(self->loop), 0, &self->axe, lift_axe, AGAIN);
}

void cp_wire_kill(cp_wire *self, const cp_failure *failure)
{
    if (self->is_ending)
        return;
    remember(self, failure);
    end(self);
    drop(self);
}

void cp_wire_abandon(cp_wire *self)
{
    self->owner = NULL;
    if (self->wsi == NULL)
        free_wire(self); /* lws holds nothing, and nothing of ours is on the stack */
    else
        cp_wire_kill(self, NULL);
}

static void fail(cp_wire *self, cp_failure_kind kind, const char *code, const char *words)
{
    cp_failure failure = {0};

    cp_failure_set(&failure, kind, code, "%s: %s", self->authority, words);
    cp_wire_kill(self, &failure);
}

/* ---- connecting */

static void try_next_address(cp_wire *self);

static void on_alarm(lws_sorted_usec_list_t *sul)
{
    cp_wire *self = lws_container_of(sul, cp_wire, alarm);

    if (cp_network_now() >= self->deadline || self->is_connected || self->lookup != NULL)
        fail(self, CP_FAILURE_TIMEOUT, "ERR_TIMEOUT",
             self->is_connected ? "no answer in time"
             : self->lookup     ? "the name was not resolved in time"
                                : "no connection in time");
    else if (self->wsi == NULL)
        try_next_address(self);
    else /* this address is silent; its end brings the next one */
        drop(self);
}

static void set_alarm(cp_wire *self, cp_usec at)
{
    cp_usec now = cp_network_now();

    lws_sul_schedule(cp_loop_context(self->loop), 0, &self->alarm, on_alarm,
                     at > now ? at - now : 1);
}

/* The time left is shared by the addresses left. */
static void set_patience(cp_wire *self)
{
    cp_usec now = cp_network_now();
    unsigned left = self->addresses.count - self->next_address + 1;
    cp_usec share = (self->deadline - now) / left;

    if (share < PATIENCE)
        share = PATIENCE;
    set_alarm(self, left > 1 && now + share < self->deadline ? now + share : self->deadline);
}

static bool start_lws(cp_wire *self, struct lws_vhost *vhost, const char *address)
{
    struct lws_client_connect_info info;

    memset(&info, 0, sizeof info);
    info.context = cp_loop_context(self->loop);
    info.vhost = vhost;
    info.address = address;
    info.port = self->target.port;
    info.host = self->authority;
    info.path = self->path;
    info.method = self->method;
    info.alpn = "http/1.1";
    info.local_protocol_name = "cometpresence";
    info.opaque_user_data = self;
    info.pwsi = &self->wsi;
    /* Without LCCSCF_PIPELINE nothing is ever queued behind another connection. */
    info.ssl_connection = (self->target.tls ? LCCSCF_USE_SSL : 0) | LCCSCF_HTTP_NO_FOLLOW_REDIRECT;
    return lws_client_connect_via_info(&info) != NULL;
}

static void try_next_address(cp_wire *self)
{
    const char *address = self->addresses.text[self->next_address++];
    cp_failure failure = {0};
    struct lws_vhost *vhost = cp_loop_vhost(self->loop, self->target.tls, self->ca_file, &failure);
    bool started;

    if (vhost == NULL) {
        cp_wire_kill(self, &failure);
        return;
    }
    self->failure = (cp_failure){0};
    self->is_dropped = false;
    self->is_starting = true;
    started = start_lws(self, vhost, address);
    self->is_starting = false;
    if (started) {
        cp_inherited_remove(self->inherited);
        self->inherited = cp_inherited_add(lws_get_socket_fd(self->wsi));
        set_patience(self);
        return;
    }
    self->wsi = NULL;
    if (self->next_address < self->addresses.count)
        try_next_address(self);
    else
        fail(self, CP_FAILURE_CONNECTION_LOST, "ERR_CONNECT", "no connection");
}

static void on_addresses(void *owner, const cp_addresses *addresses)
{
    cp_wire *self = owner;

    self->lookup = NULL;
    self->addresses = *addresses;
    if (addresses->count == 0)
        fail(self, CP_FAILURE_CONNECTION_LOST, "ERR_DNS", addresses->error);
    else
        try_next_address(self);
}

/* lws is done with one address; the rest may remain. */
static void address_is_over(cp_wire *self)
{
    bool may_go_on = !self->is_ending && !self->is_connected &&
                     self->failure.kind != CP_FAILURE_TLS &&
                     self->next_address < self->addresses.count;

    self->wsi = NULL;
    lws_sul_cancel(&self->axe);
    cp_inherited_remove(self->inherited);
    self->inherited = NULL;
    if (self->is_starting)
        return; /* the connect call is about to return, and fail */
    if (may_go_on)
        set_alarm(self, 0); /* from the loop, not from lws's destructor */
    else if (!self->is_ending)
        end(self);
    else if (self->owner == NULL)
        free_wire(self);
}

/* ---- opening and sending */

static bool copy_request(cp_wire *self, const cp_wire_request *request)
{
    self->target = *request->target;
    (void)cp_target_authority(&self->target, self->authority, sizeof self->authority);
    self->ca_file = request->ca_file ? strdup(request->ca_file) : NULL;
    self->method = strdup(request->method);
    self->path = strdup(request->path);
    self->upgrades = request->upgrades;
    self->deadline = request->deadline;
    self->has_body = request->body.data != NULL;
    cp_buffer_append(&self->headers, request->headers);
    reset_unsent(self);
    cp_buffer_append(&self->unsent, request->body);
    return self->method && self->path && (self->ca_file || !request->ca_file) &&
           cp_buffer_status(&self->headers) == CP_OK && cp_buffer_status(&self->unsent) == CP_OK;
}

cp_wire *cp_wire_open(cp_loop *loop, const cp_wire_request *request, const cp_wire_face *face,
                      void *owner)
{
    cp_wire *self = calloc(1, sizeof *self);

    if (self == NULL)
        return NULL;
    self->loop = loop;
    self->face = face;
    self->owner = owner;
    cp_buffer_init(&self->headers);
    cp_buffer_init(&self->unsent);
    if (!copy_request(self, request) || cp_lookup_start(loop, self->target.host, self, on_addresses,
                                                        &self->addresses, &self->lookup) != CP_OK) {
        free_wire(self);
        return NULL;
    }
    set_alarm(self, self->deadline);
    if (self->lookup == NULL)
        try_next_address(self);
    return self;
}

cp_status cp_wire_send(cp_wire *self, cp_slice bytes)
{
    if (self->is_ending)
        return CP_OK; /* ended() is on its way and says so */
    if (unsent(self) + bytes.length > CP_WIRE_UNSENT)
        return CP_ERR_TOO_LARGE;
    cp_buffer_append(&self->unsent, bytes);
    if (cp_buffer_status(&self->unsent) != CP_OK)
        return CP_ERR_NOMEM;
    if (self->wsi != NULL && self->is_answered)
        lws_callback_on_writable(self->wsi);
    return CP_OK;
}

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
    set_alarm(self, self->deadline);
    if (self->upgrades)
        take_back_connection_close(at);
    if (lines.length + 1 >= room) {
        fail(self, CP_FAILURE_CONFIG, "ERR_TOO_LARGE", "the request's headers are too large");
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
    fail(self, CP_FAILURE_CONNECTION_LOST, "ERR_CONNECTION_LOST", "writing failed");
}

static void write_unsent(cp_wire *self)
{
    bool is_body = self->has_body && !self->is_answered;
    size_t length = unsent(self);
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
    reset_unsent(self);
    if (written < 0)
        fail_write(self);
}

static int on_answered(cp_wire *self)
{
    self->is_answered = true;
    if (self->upgrades)
        lws_sul_cancel(&self->alarm); /* an answer's body has the same deadline */
    if (self->is_ending || self->owner == NULL || !self->face->answered(self->owner, self->wsi))
        return -1;
    if (unsent(self) > 0)
        lws_callback_on_writable(self->wsi);
    return 0;
}

/* Reads in bulk into the thread's scratch; the bytes come back as one callback. */
static void on_readable(cp_wire *self)
{
    char *scratch = (char *)cp_loop_scratch(self->loop);
    int length = CP_LOOP_SCRATCH;

    if (lws_http_client_read(self->wsi, &scratch, &length) != 0) {
        cp_wire_kill(self, NULL); /* the peer's end; killed for the same reason */
        return;
    }
    /* lws does not offer writing while there is something to read: a flood of frames
     * must not starve our pings.  It is also the last chance to say why we end it. */
    if (self->upgrades && !lws_send_pipe_choked(self->wsi))
        write_unsent(self);
}

static void on_connection_error(cp_wire *self, const char *words)
{
    cp_failure failure = {0};
    bool is_tls = self->target.tls && words && !self->is_connected &&
                  (strstr(words, "tls=") != NULL || strstr(words, "SSL err 1:") != NULL);

    if (self->failure.kind != CP_FAILURE_NONE)
        return;
    cp_failure_set(&failure, is_tls ? CP_FAILURE_TLS : CP_FAILURE_CONNECTION_LOST,
                   is_tls ? "ERR_TLS" : "ERR_CONNECT", "%s: %s", self->authority,
                   is_tls  ? "the TLS handshake failed"
                   : words ? words
                           : "no connection");
    remember(self, &failure);
}

/* OpenSSL's verdict on a certificate; `verified` is its own opinion. */
static void on_certificate(cp_wire *self, X509_STORE_CTX *certificate, bool verified)
{
    cp_failure failure = {0};

    if (verified)
        return;
    cp_failure_set(&failure, CP_FAILURE_TLS, "ERR_TLS", "%s: %s", self->authority,
                   X509_verify_cert_error_string(X509_STORE_CTX_get_error(certificate)));
    remember(self, &failure);
}

static void on_closed(cp_wire *self)
{
    cp_failure failure = {0};

    if (!self->is_answered) {
        cp_failure_set(&failure, CP_FAILURE_CONNECTION_LOST, "ERR_CONNECTION_LOST",
                       "%s: closed before it answered", self->authority);
        remember(self, &failure);
    }
    if (self->is_connected)
        end(self); /* the owner need not wait for lws's lingering */
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
        return 0;
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
        address_is_over(self);
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
