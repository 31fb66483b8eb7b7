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

#include "session_stage.h"
#include "users_page.h"

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
    config.count_every = CP_NEVER; /* by itself it asks for what the test is about */
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

static inline cp_call *await_within(const char *uid, cp_presence_status wanted, bool is_fresh,
                                    cp_usec timeout)
{
    cp_call *self = new_call(CP_CALL_AWAIT_USER);

    self->uid = __real_strdup(uid);
    self->wanted = wanted;
    self->is_fresh = is_fresh;
    return call_within(self, timeout);
}

static inline cp_call *await(const char *uid, cp_presence_status wanted)
{
    return await_within(uid, wanted, false, CP_NEVER);
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

/* To the youngest request on the table: a refusal with this code, or (status 0) a body. */
static inline void answer_last(int status, const char *text)
{
    table_request last = requests[request_count - 1];

    memmove(requests + 1, requests, (request_count - 1) * sizeof *requests);
    requests[0] = last;
    if (status == 0)
        answer_with(200, text);
    else
        refuse_with(status, text);
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

static inline cp_presence_status status_of(const char *uid)
{
    return cp_roster_status(roster, cp_slice_of(uid));
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

/* In the server's words, and the end of the socket after them. */
static inline void be_refused(void)
{
    opened();
    hear(REFUSED);
    closed_with(1008);
}

static inline void get_connected(void)
{
    log_in();
    be_accepted();
    forget_diary();
}

/* Up to LIVE, with these online (or watched). */
static inline void go_live(const char *users)
{
    get_connected();
    answer(users_page(users, 1));
    CHECK_INT(cp_session_state_of(session), CP_STATE_LIVE);
    forget_diary();
}

#endif
