#include "net/connection_parts.h"

/* The requests a session wants, each an exchange of its own. */

static cp_exchange **find_exchange(cp_connection *self, uint64_t ticket)
{
    cp_exchange **link = &self->exchanges;

    while (*link != NULL && cp_exchange_ticket(*link) != ticket)
        link = cp_exchange_next(*link);
    return link;
}

static void unlink_exchange(cp_exchange **link)
{
    *link = *cp_exchange_next(*link);
}

static void on_exchange_done(void *owner, cp_exchange *exchange, const cp_http_answer *answer)
{
    cp_connection *self = owner;

    unlink_exchange(find_exchange(self, cp_exchange_ticket(exchange)));
    cp_session_answered(self->session, answer, cp_connection_clock());
    cp_connection_pump(self);
}

void cp_connection_drop_unwanted(cp_connection *self)
{
    uint64_t ticket;

    while (cp_session_next_dropped(self->session, &ticket)) {
        cp_exchange **link = find_exchange(self, ticket);
        cp_exchange *unwanted = *link;

        if (unwanted == NULL)
            continue;
        unlink_exchange(link);
        cp_exchange_abandon(unwanted);
    }
}

static void start_exchange(cp_connection *self, const cp_http_request *request)
{
    cp_http_answer answer = {.ticket = request->ticket};
    cp_exchange *started =
        cp_exchange_start(self->guest.loop, request, self->config.ca_file, on_exchange_done, self);

    if (started != NULL) {
        *cp_exchange_next(started) = self->exchanges;
        self->exchanges = started;
        return;
    }
    cp_failure_set(&answer.failure, CP_FAILURE_MEMORY, "ERR_NO_MEMORY", "no memory for a request");
    cp_session_answered(self->session, &answer, cp_connection_clock());
}

bool cp_connection_send_requests(cp_connection *self)
{
    cp_http_request request;
    bool any = false;

    cp_http_request_init(&request);
    while (cp_session_next_request(self->session, &request)) {
        start_exchange(self, &request);
        cp_http_request_destroy(&request);
        cp_http_request_init(&request);
        any = true;
    }
    cp_http_request_destroy(&request);
    return any;
}

void cp_connection_abandon_exchanges(cp_connection *self)
{
    while (self->exchanges != NULL) {
        cp_exchange *unwanted = self->exchanges;

        unlink_exchange(&self->exchanges);
        cp_exchange_abandon(unwanted);
    }
}
