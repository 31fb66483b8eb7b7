#include "net/exchange.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEADER_VALUE 64 /* of those we read; longer ones say nothing to us */

struct cp_exchange {
    cp_exchange *next;
    cp_wire *wire;
    cp_exchange_done done;
    void *owner;
    cp_http_answer answer;
    cp_buffer body;
    char retry_after[HEADER_VALUE], remaining[HEADER_VALUE], reset[HEADER_VALUE];
};

uint64_t cp_exchange_ticket(const cp_exchange *self)
{
    return self->answer.ticket;
}

cp_exchange **cp_exchange_next(cp_exchange *self)
{
    return &self->next;
}

static void free_exchange(cp_exchange *self)
{
    cp_buffer_wipe(&self->body); /* tokens are in some */
    cp_buffer_destroy(&self->body);
    free(self);
}

/* ---- the answer */

static cp_slice copy_header(struct lws *wsi, const char *name, char *value)
{
#ifdef LWS_WITH_CUSTOM_HEADERS
    int length = lws_hdr_custom_copy(wsi, value, HEADER_VALUE, name, (int)strlen(name));
#else
    int length = -1;

    (void)wsi, (void)name, (void)value;
#endif
    return length > 0 ? (cp_slice){value, (size_t)length} : CP_ABSENT_SLICE;
}

/* Both spellings are documented (PROTOCOL §8). */
static void read_quota(cp_exchange *self, struct lws *wsi)
{
    self->answer.quota_remaining = copy_header(wsi, "x-rate-limit-remaining:", self->remaining);
    if (self->answer.quota_remaining.data == NULL)
        self->answer.quota_remaining = copy_header(wsi, "x-ratelimit-remaining:", self->remaining);
    self->answer.quota_reset = copy_header(wsi, "x-rate-limit-reset:", self->reset);
    if (self->answer.quota_reset.data == NULL)
        self->answer.quota_reset = copy_header(wsi, "x-ratelimit-reset:", self->reset);
}

static bool on_answered(void *owner, struct lws *wsi)
{
    cp_exchange *self = owner;
    int length =
        lws_hdr_copy(wsi, self->retry_after, sizeof self->retry_after, WSI_TOKEN_HTTP_RETRY_AFTER);

    self->answer.status = (int)lws_http_client_http_response(wsi);
    if (length > 0)
        self->answer.retry_after = (cp_slice){self->retry_after, (size_t)length};
    read_quota(self, wsi);
    return true;
}

static void fail(cp_exchange *self, cp_failure_kind kind, const char *code, const char *words)
{
    cp_failure failure = {0};

    cp_failure_set(&failure, kind, code, "%s", words);
    cp_wire_kill(self->wire, &failure);
}

static void on_received(void *owner, cp_slice bytes)
{
    cp_exchange *self = owner;

    if (bytes.length > CP_HTTP_BODY_LIMIT - self->body.length) {
        fail(self, CP_FAILURE_PROTOCOL, "ERR_TOO_LARGE", "the answer is over 4 MiB");
        return;
    }
    cp_buffer_append(&self->body, bytes);
    if (cp_buffer_status(&self->body) != CP_OK)
        fail(self, CP_FAILURE_MEMORY, "ERR_NO_MEMORY", "no memory for the answer");
}

/* Only a body that lws calls whole is one: a cut connection looks like an end, too. */
static void on_completed(void *owner)
{
    cp_exchange *self = owner;

    self->answer.body = cp_buffer_slice(&self->body);
    if (self->answer.body.data == NULL)
        self->answer.body = cp_slice_of("");
}

static void on_ended(void *owner, const cp_failure *failure)
{
    cp_exchange *self = owner;

    if (self->answer.body.data == NULL) {
        self->answer.failure = *failure;
        if (failure->kind == CP_FAILURE_NONE)
            cp_failure_set(&self->answer.failure, CP_FAILURE_CONNECTION_LOST, "ERR_CONNECTION_LOST",
                           "the answer broke off");
    }
    self->wire = NULL;
    self->done(self->owner, self, &self->answer);
    free_exchange(self);
}

static const cp_wire_face wire_face = {on_answered, on_received, on_completed, on_ended};

/* ---- the request */

static void write_headers(const cp_http_request *request, cp_buffer *out)
{
    for (unsigned i = 0; i < request->headers; i++) {
        cp_buffer_append_text(out, request->header[i].name);
        cp_buffer_append_text(out, ": ");
        cp_buffer_append_text(out, request->header[i].value);
        cp_buffer_append_text(out, "\r\n");
    }
    if (request->body.length > 0 || strcmp(request->method, "POST") == 0 ||
        strcmp(request->method, "PUT") == 0)
        cp_buffer_append_format(out, "Content-Length: %zu\r\n", request->body.length);
}

cp_exchange *cp_exchange_start(cp_loop *loop, const cp_http_request *request, const char *ca_file,
                               cp_exchange_done done, void *owner)
{
    cp_exchange *self = calloc(1, sizeof *self);
    cp_wire_request wanted = {
        .target = &request->target,
        .ca_file = ca_file,
        .method = request->method,
        .path = request->path.data,
        .deadline = request->deadline,
    };
    cp_buffer headers;

    if (self == NULL)
        return NULL;
    self->done = done;
    self->owner = owner;
    self->answer.ticket = request->ticket;
    cp_buffer_init(&self->body);
    cp_buffer_init(&headers);
    write_headers(request, &headers);
    wanted.headers = cp_buffer_slice(&headers);
    if (request->body.length > 0)
        wanted.body = cp_buffer_slice(&request->body);
    if (cp_buffer_status(&headers) == CP_OK)
        self->wire = cp_wire_open(loop, &wanted, &wire_face, self);
    cp_buffer_wipe(&headers);
    cp_buffer_destroy(&headers);
    if (self->wire != NULL)
        return self;
    free_exchange(self);
    return NULL;
}

void cp_exchange_abandon(cp_exchange *self)
{
    cp_wire_abandon(self->wire);
    free_exchange(self);
}
