/* A session on a stage: facts are told in virtual time, and everything it wishes for is
 * pulled at once, as the network thread would, and written into one diary:
 *
 *     begin_session();
 *     call(CP_CALL_CONNECT);
 *     CHECK_DIARY("CONNECTING 1 | connect | done CONNECT");
 *
 * Requests stay on the table until a test answers them, the oldest first. */
#ifndef SESSION_FEED_H
#define SESSION_FEED_H

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
    "LOGIN",     "TOKEN", "LOGOUT",     "CONNECT", "DISCONNECT", "GET_USER",
    "GET_USERS", "COUNT", "AWAIT_SYNC", "RESYNC",  "CLOSE",
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
    case CP_NOTICE_TOKEN_WANTED:
        note("TOKEN_WANTED");
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
    while (cp_session_apply(session, now))
        pull_notices();
    pull_notices();
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

/* ---- life */

static inline void begin_config(cp_subscription subscription)
{
    cp_config_init(&config);
    config.app_id = strdup("app1");
    config.region = strdup("us");
    config.version = strdup("1.0");
    config.session_id = strdup("PY-me");
    config.device_id = strdup("device");
    config.subscription = subscription;
}

/* With what the test put into `config`. */
static inline void begin_configured(void)
{
    now = (cp_now){1000 * SEC, INT64_C(1800000000000)};
    forget_diary();
    request_count = 0;
    is_quiet = has_socket = false;
    roster = cp_roster_new(config.queue_size, config.max_users, 7);
    session = cp_session_new(&config, roster, 42);
    CHECK(roster != NULL && session != NULL);
}

static inline void begin_session(void)
{
    begin_config(CP_SUBSCRIBE_NONE);
    begin_configured();
}

static inline void free_finished(void)
{
    while (finished_count > 0) {
        cp_call *call = finished[--finished_count];

        cp_call_destroy(call);
        free(call);
    }
}

static inline cp_call *last_done(void)
{
    CHECK(finished_count > 0);
    return finished[finished_count - 1];
}

/* What is the caller's own never fails. */
static inline cp_call *new_call(cp_call_kind kind)
{
    cp_call *self = __real_malloc(sizeof *self);

    cp_call_init(self, kind);
    return self;
}

static inline void closed_with(uint16_t code);

/* As a client that goes away; whatever was asked is finished by it. */
static inline void end_session(void)
{
    is_quiet = true;
    cp_session_called(session, new_call(CP_CALL_CLOSE), now);
    pump();
    if (has_socket)
        closed_with(1000);
    CHECK_INT(cp_session_state_of(session), CP_STATE_CLOSED);
    CHECK_INT(cp_session_deadline(session), CP_NEVER);
    cp_session_free(session);
    cp_roster_free(roster);
    cp_config_destroy(&config);
    free_finished();
    for (unsigned i = 0; i <= CP_NOTICE_LOGGED_OUT; i++)
        cp_notice_destroy(&latest[i]);
}

/* ---- facts */

static inline cp_call *call_within(cp_call *self, cp_usec timeout)
{
    self->timeout = timeout;
    cp_session_called(session, self, now);
    pump();
    return self;
}

static inline cp_call *call(cp_call_kind kind)
{
    return call_within(new_call(kind), CP_NEVER);
}

static inline cp_call *call_login(const char *uid, const char *auth_key)
{
    cp_call *self = new_call(CP_CALL_LOGIN);

    self->uid = __real_strdup(uid);
    self->auth_key = __real_strdup(auth_key);
    return call_within(self, CP_NEVER);
}

static inline cp_call *call_with_token(cp_call_kind kind, const char *auth_token)
{
    cp_call *self = new_call(kind);

    self->auth_token = auth_token ? __real_strdup(auth_token) : NULL;
    return call_within(self, CP_NEVER);
}

static inline cp_call *call_get_user(const char *uid, cp_usec timeout)
{
    cp_call *self = new_call(CP_CALL_GET_USER);

    self->uid = __real_strdup(uid);
    return call_within(self, timeout);
}

static inline void cancel(cp_call *self)
{
    cp_session_cancelled(session, self, now);
    pump();
}

static inline void opened(void)
{
    cp_session_opened(session, now);
    pump();
}

static inline void hear(const char *text)
{
    cp_session_received(session, cp_slice_of(text), now);
    pump();
}

static inline void hear_presence(const char *uid, const char *action)
{
    char text[512];

    snprintf(text, sizeof text,
             "{\"type\":\"presence\",\"body\":{\"action\":\"%s\",\"timestamp\":1700000000,"
             "\"user\":{\"uid\":\"%s\",\"name\":\"N\"}}}",
             action, uid);
    hear(text);
}

static inline void ended(const cp_ending *ending)
{
    has_socket = false;
    cp_session_closed(session, ending, now);
    pump();
}

static inline void closed_with(uint16_t code)
{
    ended(&(cp_ending){.code = code, .clean = code != 1006});
}

static inline void could_not_connect(cp_failure_kind kind, const char *words)
{
    cp_ending ending = {.code = 1006};

    cp_failure_set(&ending.failure, kind, "ERR_TRANSPORT", "%s", words);
    ended(&ending);
}

/* To the oldest request on the table, with all that an answer can say. */
static inline void give(cp_http_answer answer)
{
    CHECK(request_count > 0);
    answer.ticket = requests[0].ticket;
    take_off_table(0);
    cp_session_answered(session, &answer, now);
    pump();
}

static inline void answer_with(int status, const char *body)
{
    give((cp_http_answer){.status = status, .body = cp_slice_of(body)});
}

static inline void answer(const char *body)
{
    answer_with(200, body);
}

static inline void refuse_with(int status, const char *code)
{
    char body[256];

    snprintf(body, sizeof body, "{\"error\":{\"code\":\"%s\",\"message\":\"no\"}}", code);
    answer_with(status, body);
}

static inline void ask_to_wait(const char *retry_after)
{
    give((cp_http_answer){.status = 429,
                          .body = cp_slice_of("{\"error\":{\"code\":\"ERR_TOO_MANY_REQUESTS\"}}"),
                          .retry_after = cp_slice_of(retry_after)});
}

static inline void lose_answer(cp_failure_kind kind)
{
    cp_http_answer answer = {0};

    cp_failure_set(&answer.failure, kind, "FAILED_TO_FETCH", "the network failed");
    give(answer);
}

/* Time goes by; the session is told at each deadline of its own, which must make it go on. */
static inline void elapse(cp_usec wait)
{
    cp_usec end = now.usec + wait;
    unsigned in_place = 0;

    for (;;) {
        cp_usec deadline = cp_session_deadline(session);

        if (deadline > end)
            break;
        CHECK(++in_place < 10000);
        if (deadline <= now.usec)
            CHECK(++in_place < 20); /* due, told, and still due: it spins */
        else {
            now.unix_ms += (deadline - now.usec) / 1000;
            now.usec = deadline;
            in_place = 0;
        }
        cp_session_elapsed(session, now);
        pump();
    }
    now.unix_ms += (end - now.usec) / 1000;
    now.usec = end;
    cp_session_elapsed(session, now);
    pump();
}

static inline cp_usec until_deadline(void)
{
    return cp_session_deadline(session) - now.usec;
}

/* Until the next attempt to connect, and not so long that it ends. */
static inline void wait_for_attempt(void)
{
    CHECK_INT(cp_session_state_of(session), CP_STATE_WAITING);
    elapse(until_deadline());
    CHECK(has_socket);
}

/* ---- common beginnings */

#define TOKEN_ANSWER "{\"data\":{\"uid\":\"alice\",\"authToken\":\"t1\"}}"
#define ME_WITH(token, jwt)                                                                        \
    "{\"data\":{\"uid\":\"alice\",\"name\":\"Alice\",\"authToken\":\"" token "\",\"jwt\":\"" jwt   \
    "\",\"settings\":{\"CHAT_HOST\":\"chat.example\",\"CHAT_WSS_PORT\":\"443\","                   \
    "\"CLIENT_API_HOST\":\"api.example\",\"CHAT_API_VERSION\":\"v3.0\"}}}"
#define ME_ANSWER ME_WITH("t1", "j1")
#define ACCEPTED "{\"type\":\"auth\",\"body\":{\"code\":\"200\",\"status\":\"OK\"}}"
#define REFUSED "{\"type\":\"auth\",\"body\":{\"code\":\"401\",\"status\":\"Unauthorized\"}}"
#define PONG "{\"action\":\"pong\"}"
#define NOBODY "{\"data\":[],\"meta\":{\"pagination\":{\"total_pages\":1}}}"
#define PAGE_1 "GET /v3.0/users?per_page=100&status=available&page=1"

static inline void log_in(void)
{
    call_with_token(CP_CALL_LOGIN, "t1");
    answer(ME_ANSWER);
}

/* Up to the acceptance of the socket; with a subscription the first page is asked for. */
static inline void be_accepted(void)
{
    opened();
    hear(ACCEPTED);
}

static inline void get_connected(void)
{
    log_in();
    be_accepted();
    forget_diary();
}

#endif
