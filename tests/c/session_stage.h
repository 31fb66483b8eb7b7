/* The half of session_feed.h that looks: what the session wishes for is pulled, and written
 * into the diary. */
#ifndef SESSION_STAGE_H
#define SESSION_STAGE_H

#include "core/session.h"
#include "test.h"

#define SEC CP_USEC_PER_SEC
#define REQUESTS 64
#define FINISHED 64

typedef struct table_request {
    uint64_t ticket;
    char path[600];
    char token[64]; /* its authToken header */
    cp_usec deadline;
} table_request;

static cp_config config;
static cp_roster *roster;
static cp_session *session;
static cp_now now;
static char diary[16384];
static table_request requests[REQUESTS]; /* the oldest first */
static unsigned request_count;
static cp_call *finished[FINISHED]; /* calls that are done, the oldest first */
static unsigned finished_count;
static cp_notice latest[CP_NOTICE_LOGGED_OUT + 1]; /* of each kind */
static char latest_frame[2048];
static bool has_socket; /* asked for, and not told closed yet */
static bool is_quiet;   /* nothing is written down: the driver of random facts has no use */

/* ---- the diary */

__attribute__((format(printf, 1, 2))) static inline void note(const char *format, ...)
{
    size_t end = strlen(diary);
    va_list arguments;

    if (is_quiet)
        return;
    if (end > 0 && end + 3 < sizeof diary) {
        strcpy(diary + end, " | ");
        end += 3;
    }
    va_start(arguments, format);
    vsnprintf(diary + end, sizeof diary - end, format, arguments);
    va_end(arguments);
}

/* Compares what happened since the last look, and forgets it. */
#define CHECK_DIARY(expected)                                                                      \
    do {                                                                                           \
        char written[sizeof diary];                                                                \
        memcpy(written, diary, sizeof written);                                                    \
        diary[0] = '\0';                                                                           \
        check_text(__FILE__, __LINE__, "the diary", written, expected);                            \
    } while (0)

static inline void forget_diary(void)
{
    diary[0] = '\0';
}

/* ---- pulling */

static const char *const call_names[] = {
    "LOGIN", "TOKEN",      "LOGOUT", "CONNECT", "DISCONNECT",   "GET_USER",   "GET_USERS",
    "COUNT", "AWAIT_SYNC", "RESYNC", "CLOSE",   "AWAIT_DEMAND", "AWAIT_USER",
};
static const char *const failure_names[] = {
    "NONE",    "CONFIG",       "AUTH",     "TLS",    "NOT_CONNECTED", "CONNECTION_LOST",
    "TIMEOUT", "RATE_LIMITED", "PROTOCOL", "CLOSED", "SERVER",        "MEMORY",
};

static inline void note_notice(const cp_notice *notice)
{
    switch (notice->kind) {
    case CP_NOTICE_CONNECTING:
        note("CONNECTING %u", notice->attempt);
        break;
    case CP_NOTICE_CONNECTED:
        note("CONNECTED %u", notice->generation);
        break;
    case CP_NOTICE_DISCONNECTED:
        note("DISCONNECTED %u%s", notice->code, notice->will_retry ? " retries" : "");
        break;
    case CP_NOTICE_SYNCED:
        note("SYNCED %u", notice->report.online);
        break;
    case CP_NOTICE_DEGRADED:
        note("DEGRADED");
        break;
    case CP_NOTICE_ERROR:
        note("ERROR %s %s", notice->reason, notice->failure.code);
        break;
    case CP_NOTICE_LOGGED_IN:
        note("LOGGED_IN");
        break;
    case CP_NOTICE_LOGIN_FAILED:
        note("LOGIN_FAILED %s", notice->failure.code);
        break;
    case CP_NOTICE_LOGGED_OUT:
        note("LOGGED_OUT");
        break;
    }
}

static inline void pull_notices(void)
{
    cp_notice notice;

    while (cp_session_next_notice(session, &notice)) {
        note_notice(&notice);
        cp_notice_destroy(&latest[notice.kind]);
        latest[notice.kind] = notice;
    }
}

static inline void apply_all(void)
{
    bool more = true;

    while (more) {
        more = cp_session_apply(session, now);
        cp_session_tidy(session);
        pull_notices();
    }
}

static inline bool pull_wish(void)
{
    switch (cp_session_wish(session)) {
    case CP_WISH_STAY:
        return false;
    case CP_WISH_CONNECT:
        CHECK(!has_socket); /* one at a time */
        has_socket = true;
        note("connect");
        return true;
    case CP_WISH_CLOSE:
        CHECK(has_socket);
        note("close");
        return true;
    case CP_WISH_ABORT:
        CHECK(has_socket);
        note("abort");
        return true;
    }
    return false;
}

static inline void pull_frames(void)
{
    cp_slice text;

    while (cp_session_next_frame(session, &text)) {
        snprintf(latest_frame, sizeof latest_frame, "%.*s", (int)text.length, text.data);
        note("%s", strstr(latest_frame, "\"ping\"") ? "ping" : "auth");
    }
}

static inline void put_on_table(const cp_http_request *request)
{
    table_request *place = &requests[request_count++];

    CHECK(request_count <= REQUESTS);
    place->ticket = request->ticket;
    place->deadline = request->deadline;
    snprintf(place->path, sizeof place->path, "%s %.*s", request->method, (int)request->path.length,
             request->path.data);
    place->token[0] = '\0';
    for (unsigned i = 0; i < request->headers; i++) {
        if (strcmp(request->header[i].name, "authToken") == 0)
            snprintf(place->token, sizeof place->token, "%s", request->header[i].value);
    }
    note("%s", place->path);
}

static inline bool pull_requests(void)
{
    cp_http_request request;
    bool any = false;

    cp_http_request_init(&request);
    while (cp_session_next_request(session, &request)) {
        put_on_table(&request);
        cp_http_request_destroy(&request);
        any = true;
    }
    cp_http_request_destroy(&request);
    return any;
}

static inline void take_off_table(unsigned nth)
{
    request_count -= 1;
    memmove(&requests[nth], &requests[nth + 1], (request_count - nth) * sizeof *requests);
}

static inline void pull_dropped(void)
{
    uint64_t ticket;

    while (cp_session_next_dropped(session, &ticket)) {
        for (unsigned i = 0; i < request_count; i++) {
            if (requests[i].ticket == ticket) {
                note("drop");
                take_off_table(i);
                break;
            }
        }
    }
}

static inline void pull_done(void)
{
    cp_call *done;

    while ((done = cp_session_next_done(session)) != NULL) {
        if (done->failure.kind == CP_FAILURE_NONE)
            note("done %s", call_names[done->kind]);
        else
            note("failed %s %s %s", call_names[done->kind], failure_names[done->failure.kind],
                 done->failure.code);
        CHECK(finished_count < FINISHED);
        finished[finished_count++] = done;
    }
}

/* After every fact: what it wants, until it wants nothing. */
static inline void pump(void)
{
    bool more = true;

    while (more) {
        apply_all();
        more = pull_wish();
        pull_frames();
        pull_dropped();
        more |= pull_requests();
    }
    pull_done();
}

#endif
