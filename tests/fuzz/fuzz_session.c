/* One client's life, driven by bytes: calls, facts of the socket, frames, answers and time in
 * any order.  Each call is done exactly once, one socket is asked for at a time, it goes on at
 * its deadlines, and nothing of it is left at the end.
 *
 * Reaches at least 1300 edges. */
#include "fuzz.h"

#include "../c/session_invariants.h"

static choices from;

#define CHOOSE_TEXT(...)                                                                           \
    ((const char *const[]){                                                                        \
        __VA_ARGS__})[choose(&from, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))]

static void call_something(void)
{
    cp_call *self;

    if (live_count == LIVE_CALLS)
        return;
    self = new_call((cp_call_kind)choose(&from, CP_CALL_AWAIT_USER + 1));
    if (self->kind == CP_CALL_CLOSE)
        self->kind = CP_CALL_LOGIN; /* it has its time */
    self->uid = strdup(CHOOSE_TEXT("alice", "bob", ""));
    self->auth_key = choose(&from, 2) ? strdup("key") : NULL;
    self->auth_token = choose(&from, 2) ? strdup(CHOOSE_TEXT("t1", "t2", "bad\n")) : NULL;
    self->query.limit = (int)choose(&from, 120);
    self->wanted = choose(&from, 2) ? CP_ONLINE : CP_OFFLINE;
    self->is_fresh = choose(&from, 2);
    self->timeout = choose(&from, 2) ? CP_NEVER : (cp_usec)choose(&from, 20) * SEC;
    live[live_count++] = self;
    cp_session_called(session, self, now);
}

static void end_socket(void)
{
    static const uint16_t codes[] = {1000, 1001, 1005, 1006, 1008, 1012, 4001};
    cp_ending ending = {.code = codes[choose(&from, 7)], .clean = choose(&from, 2)};

    ending.reason = choose_bytes(&from);
    if (choose(&from, 3) == 0)
        cp_failure_set(&ending.failure, (cp_failure_kind)choose(&from, CP_FAILURE_MEMORY + 1),
                       "ERR", "gone");
    has_socket = false;
    cp_session_closed(session, &ending, now);
}

static cp_slice some_frame(void)
{
    static char text[300];

    switch (choose(&from, 6)) {
    case 0:
        return choose_bytes(&from);
    case 1:
        return cp_slice_of(CHOOSE_TEXT(ACCEPTED, REFUSED, PONG, "{\"type\":\"message\"}"));
    default:
        snprintf(text, sizeof text,
                 "{\"type\":\"presence\",\"body\":{\"action\":\"%s\",\"user\":{\"uid\":\"%c\"}}}",
                 CHOOSE_TEXT("online", "offline"), 'a' + (int)choose(&from, 6));
        return cp_slice_of(text);
    }
}

static cp_slice some_body(const char *path)
{
    if (choose(&from, 8) == 1)
        return choose_bytes(&from);
    if (strstr(path, "auth_tokens"))
        return cp_slice_of(TOKEN_ANSWER);
    if (strstr(path, "/me"))
        return cp_slice_of(CHOOSE_TEXT(ME_ANSWER, ME_WITH("t2", "j2")));
    if (strstr(path, "online-members"))
        return cp_slice_of(CHOOSE_TEXT("{\"data\":{\"onlineUsersCount\":1}}",
                                       "{\"data\":{\"onlineUsersCount\":1001}}"));
    if (strstr(path, "users/"))
        return cp_slice_of("{\"data\":{\"uid\":\"bob\"}}");
    return cp_slice_of(users_page(CHOOSE_TEXT("", "a", "a,b", "a,b,c,d"), (int)choose(&from, 3)));
}

static void answer_something(void)
{
    static const int statuses[] = {200, 200, 200, 401, 404, 429, 503};
    cp_http_answer answer = {.status = statuses[choose(&from, 7)]};
    unsigned nth;

    if (request_count == 0)
        return;
    nth = choose(&from, request_count);
    answer.ticket = requests[nth].ticket;
    answer.body = answer.status == 401
                      ? cp_slice_of("{\"error\":{\"code\":\"AUTH_ERR_AUTH_TOKEN_NOT_FOUND\"}}")
                      : some_body(requests[nth].path);
    if (answer.status == 429)
        answer.retry_after = cp_slice_of(CHOOSE_TEXT("0", "3", "20", "x"));
    if (choose(&from, 10) == 1)
        cp_failure_set(&answer.failure, CP_FAILURE_TIMEOUT, "ERR", "no");
    take_off_table(nth);
    cp_session_answered(session, &answer, now);
}

static void go_on_in_time(void)
{
    cp_usec deadline = cp_session_deadline(session);

    if (choose(&from, 3) > 0 && deadline != CP_NEVER && deadline > now.usec)
        now.usec = deadline;
    else
        now.usec += (cp_usec)choose(&from, 60) * SEC;
    cp_session_elapsed(session, now);
}

static void tell_something(void)
{
    switch (choose(&from, 10)) {
    case 0:
        call_something();
        break;
    case 1:
        if (live_count > 0)
            cp_session_cancelled(session, live[choose(&from, live_count)], now);
        break;
    case 2:
    case 3:
        cp_session_opened(session, now);
        break;
    case 4:
    case 5:
        cp_session_received(session, some_frame(), now);
        break;
    case 6:
        end_socket();
        break;
    case 7:
        go_on_in_time();
        break;
    case 8:
        answer_something();
        break;
    default:
        cp_session_mangled(session, CP_ERR_ENCODING, now);
        break;
    }
}

static void begin(void)
{
    begin_config((cp_subscription)choose(&from, 4));
    config.has_token_provider = choose(&from, 2);
    config.auto_connect = choose(&from, 2);
    config.sync_on_connect = !choose(&from, 4);
    config.sync_whole = choose(&from, 2);
    config.sync_every = choose(&from, 2) ? CP_NEVER : 20 * SEC;
    config.count_every = choose(&from, 2) ? CP_NEVER : 15 * SEC;
    config.reconnect.max_attempts = choose(&from, 2) ? -1 : 3;
    config.max_users = choose(&from, 2) ? 3 : 1000;
    begin_configured();
    is_quiet = true;
    if (choose(&from, 2)) { /* most of what can happen happens to who is logged in */
        log_in();
        free_finished();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    from = (choices){data, data + size};
    begin();
    while (has_choices(&from)) {
        tell_something();
        if (choose(&from, 10) == 9)
            continue; /* nobody pulls, for once */
        pump();
        settle();
        check_state();
        check_progress();
    }
    end_life();
    return 0;
}
