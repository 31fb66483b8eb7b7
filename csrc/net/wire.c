#include "net/wire_parts.h"

#include <stdlib.h>
#include <string.h>

/* With one address, before the next is tried; the last one has all the time left. */
#define PATIENCE (2 * CP_USEC_PER_SEC)
#define AGAIN (20 * CP_USEC_PER_MS) /* until a connection that was killed is gone */

/* ---- the gate: not too many connect at once */

static void let_in(cp_timer *usher)
{
    cp_gate_let_in(lws_container_of(usher, cp_gate, usher));
}

/* The next is let in from the event loop: whoever is through may be deep in lws. */
void cp_wire_leave_gate(cp_wire *self)
{
    cp_gate *gate = cp_loop_gate(self->loop);

    if (cp_gate_leave(gate, &self->turn))
        cp_loop_set_timer(self->loop, &gate->usher, 1, let_in);
}

/* ---- memory */

static void free_wire(cp_wire *self)
{
    cp_wire_leave_gate(self);
    cp_timer_cancel(&self->alarm);
    cp_timer_cancel(&self->finale);
    cp_timer_cancel(&self->axe);
    cp_lookup_cancel(self->lookup);
    cp_inherited_remove(self->inherited);
    cp_buffer_wipe(&self->headers);
    cp_buffer_destroy(&self->headers);
    cp_buffer_wipe(&self->unsent);
    cp_buffer_destroy(&self->unsent);
    free(self->ca_file);
    free(self->path);
    free(self->method);
    *cp_loop_wires(self->loop) -= 1;
    free(self);
}

void cp_wire_forget_unsent(cp_wire *self)
{
    static const char room[LWS_PRE];

    cp_buffer_wipe(&self->unsent);
    cp_buffer_append(&self->unsent, (cp_slice){room, sizeof room});
}

size_t cp_wire_unsent(const cp_wire *self)
{
    return self->unsent.length - LWS_PRE;
}

/* ---- ending */

void cp_wire_remember(cp_wire *self, const cp_failure *failure)
{
    if (self->failure.kind == CP_FAILURE_NONE && failure != NULL)
        self->failure = *failure;
}

static void drop(cp_wire *self);

static void tell_ended(cp_timer *timer)
{
    cp_wire *self = lws_container_of(timer, cp_wire, finale);
    void *owner = self->owner;

    self->owner = NULL;
    if (owner != NULL)
        self->face->ended(owner, &self->failure);
    if (self->wsi == NULL)
        free_wire(self);
    else
        drop(self); /* lws may linger for seconds, until the peer hangs up; its last word frees */
}

/* The owner is told from the event loop, so that no call of his re-enters him. */
void cp_wire_end(cp_wire *self)
{
    if (self->is_ending)
        return;
    self->is_ending = true;
    cp_wire_leave_gate(self);
    cp_lookup_cancel(self->lookup);
    self->lookup = NULL;
    cp_timer_cancel(&self->alarm);
    cp_loop_set_timer(self->loop, &self->finale, 1, tell_ended);
}

/* The only way to end a connection that is safe from every callback, on every version: no
 * close reason, no error returned while reading or writing, lws does it from its loop.
 * lws keeps one timeout a connection and replaces it at each stage, so once is not enough. */
static void lift_axe(cp_timer *timer)
{
    drop(lws_container_of(timer, cp_wire, axe));
}

static void drop(cp_wire *self)
{
    if (self->wsi == NULL)
        return;
    self->is_dropped = true;
    lws_set_timeout(self->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
    cp_loop_set_timer(self->loop, &self->axe, AGAIN, lift_axe);
}

void cp_wire_kill(cp_wire *self, const cp_failure *failure)
{
    if (self->is_ending)
        return;
    cp_wire_remember(self, failure);
    cp_wire_end(self);
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

void cp_wire_fail(cp_wire *self, cp_failure_kind kind, const char *code, const char *words)
{
    cp_failure failure = {0};

    cp_failure_set(&failure, kind, code, "%s: %s", self->authority, words);
    cp_wire_kill(self, &failure);
}

/* ---- connecting */

static void try_next_address(cp_wire *self);

static void on_alarm(cp_timer *timer)
{
    cp_wire *self = lws_container_of(timer, cp_wire, alarm);

    if (self->wsi != NULL && !self->is_connected)
        cp_silent_add(cp_loop_silent(self->loop), self->addresses.text[self->next_address - 1],
                      cp_network_now());
    if (cp_network_now() >= self->deadline || self->is_connected || self->lookup != NULL)
        cp_wire_fail(self, CP_FAILURE_TIMEOUT, "ERR_TIMEOUT",
                     self->is_connected ? "no answer in time"
                     : self->lookup     ? "the name was not resolved in time"
                                        : "no connection in time");
    else if (self->wsi == NULL)
        try_next_address(self);
    else
        drop(self); /* its end brings the next one */
}

void cp_wire_set_alarm(cp_wire *self, cp_usec at)
{
    cp_usec now = cp_network_now();

    cp_loop_set_timer(self->loop, &self->alarm, at > now ? at - now : 1, on_alarm);
}

/* No address has more than its share of the time left. */
static void set_patience(cp_wire *self)
{
    cp_usec now = cp_network_now();
    unsigned left = self->addresses.count - self->next_address + 1;
    cp_usec share = (self->deadline - now) / left;

    if (left > 1 && share > PATIENCE)
        share = PATIENCE;
    cp_wire_set_alarm(self, now + share);
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
    struct lws_vhost *vhost =
        cp_vhosts_find(cp_loop_vhosts(self->loop), cp_loop_context(self->loop), self->target.tls,
                       self->ca_file, &failure);
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
        cp_wire_fail(self, CP_FAILURE_CONNECTION_LOST, "ERR_CONNECT", "no connection");
}

static void on_turn(cp_turn *turn)
{
    try_next_address(lws_container_of(turn, cp_wire, turn));
}

static void begin_to_connect(cp_wire *self)
{
    if (cp_gate_ask(cp_loop_gate(self->loop), &self->turn, on_turn))
        try_next_address(self);
}

static void on_addresses(void *owner, const cp_addresses *addresses)
{
    cp_wire *self = owner;

    self->lookup = NULL;
    self->addresses = *addresses;
    cp_silent_put_last(cp_loop_silent(self->loop), &self->addresses, cp_network_now());
    if (addresses->count == 0)
        cp_wire_fail(self, CP_FAILURE_CONNECTION_LOST, "ERR_DNS", addresses->error);
    else
        begin_to_connect(self);
}

/* lws is done with one address; the rest may remain. */
void cp_wire_address_is_over(cp_wire *self)
{
    bool may_go_on = !self->is_ending && !self->is_connected &&
                     self->failure.kind != CP_FAILURE_TLS &&
                     self->next_address < self->addresses.count;

    self->wsi = NULL;
    cp_timer_cancel(&self->axe);
    cp_inherited_remove(self->inherited);
    self->inherited = NULL;
    if (self->is_starting)
        return; /* the connect call is about to return, and fail */
    if (may_go_on)
        cp_wire_set_alarm(self, 0); /* from the loop, not from lws's destructor */
    else if (!self->is_ending)
        cp_wire_end(self);
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
    cp_wire_forget_unsent(self);
    cp_buffer_append(&self->unsent, request->body);
    return self->method && self->path && (self->ca_file || !request->ca_file) &&
           cp_buffer_status(&self->headers) == CP_OK && cp_buffer_status(&self->unsent) == CP_OK;
}

cp_wire *cp_wire_open(cp_loop *loop, const cp_wire_request *request, const cp_wire_face *face,
                      void *owner)
{
    cp_wire *self = calloc(1, sizeof *self);
    cp_status status = CP_ERR_NOMEM;

    if (self == NULL)
        return NULL;
    self->loop = loop;
    *cp_loop_wires(loop) += 1;
    self->face = face;
    self->owner = owner;
    cp_buffer_init(&self->headers);
    cp_buffer_init(&self->unsent);
    if (copy_request(self, request))
        status = cp_lookup_start(loop, self->target.host, self, on_addresses, &self->addresses,
                                 &self->lookup);
    if (status == CP_ERR_NOMEM) {
        free_wire(self);
        return NULL;
    }
    cp_wire_set_alarm(self, self->deadline);
    if (status != CP_OK)
        cp_wire_fail(self, CP_FAILURE_CONNECTION_LOST, "ERR_DNS",
                     "the system has no thread to look the name up on");
    else if (self->lookup == NULL)
        begin_to_connect(self);
    return self;
}

cp_status cp_wire_send(cp_wire *self, cp_slice bytes)
{
    if (self->is_ending)
        return CP_OK; /* ended() is on its way and says so */
    if (cp_wire_unsent(self) + bytes.length > CP_WIRE_UNSENT)
        return CP_ERR_TOO_LARGE;
    cp_buffer_append(&self->unsent, bytes);
    if (cp_buffer_status(&self->unsent) != CP_OK)
        return CP_ERR_NOMEM;
    if (self->wsi != NULL && self->is_answered)
        lws_callback_on_writable(self->wsi);
    return CP_OK;
}
