/* Facts in any order, sensible or not, from fixed seeds.  Whatever comes, each call is done
 * exactly once, no socket is asked for while there is one, a deadline that passes makes the
 * session go on, and nothing leaks. */
#include "core/text.h"

#include "session_invariants.h"

#define SESSIONS 50
#define FACTS 2000

static uint64_t seed;

static unsigned pick(unsigned below)
{
    uint64_t z = seed += UINT64_C(0x9E3779B97F4A7C15); /* splitmix64 */

    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return (unsigned)((z ^ (z >> 31)) % below);
}

static const char *pick_text(const char *const *texts, unsigned count)
{
    return texts[pick(count)];
}
#define PICK_TEXT(...)                                                                             \
    pick_text((const char *const[]){__VA_ARGS__},                                                  \
              sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static bool is_short_of_memory; /* now and then, in some sessions */

static void maybe_run_out_of_memory(void)
{
    if (is_short_of_memory && pick(10) == 0)
        fail_allocation(1 + pick(20));
}

/* ---- calls */

static void call_of_kind(cp_call_kind kind);

static void call_something(void)
{
    static const cp_call_kind kinds[] = {
        CP_CALL_LOGIN,      CP_CALL_LOGIN,      CP_CALL_TOKEN,      CP_CALL_LOGOUT,
        CP_CALL_COUNT,      CP_CALL_CONNECT,    CP_CALL_CONNECT,    CP_CALL_DISCONNECT,
        CP_CALL_COUNT,      CP_CALL_GET_USER,   CP_CALL_GET_USER,   CP_CALL_GET_USERS,
        CP_CALL_COUNT,      CP_CALL_AWAIT_SYNC, CP_CALL_AWAIT_SYNC, CP_CALL_RESYNC,
        CP_CALL_AWAIT_USER, CP_CALL_AWAIT_USER,
    };

    call_of_kind(kinds[pick(sizeof kinds / sizeof *kinds)]);
}

static void call_of_kind(cp_call_kind kind)
{
    cp_call *self;

    if (live_count == LIVE_CALLS)
        return;
    (void)allocation_failed(); /* the call itself is the caller's */
    self = new_call(kind);
    if (pick(8) > 0)
        self->uid = strdup(PICK_TEXT("alice", "bob"));
    if (pick(2))
        self->auth_key = strdup("key");
    if (pick(3) == 0)
        self->auth_token = strdup(PICK_TEXT("t1", "t2", "bad\n"));
    self->query.limit = (int)pick(120);
    self->wanted = pick(2) ? CP_ONLINE : CP_OFFLINE;
    self->is_fresh = pick(2);
    self->timeout = pick(2) ? CP_NEVER : (cp_usec)pick(20) * SEC;
    live[live_count++] = self;
    maybe_run_out_of_memory();
    cp_session_called(session, self, now);
}

static void cancel_something(void)
{
    if (live_count > 0)
        cp_session_cancelled(session, live[pick(live_count)], now);
}

/* ---- the socket */

static void hear_something(void)
{
    const char *text = PICK_TEXT(
        ACCEPTED, ACCEPTED, ACCEPTED, REFUSED, PONG, PONG, "{", "[]", "{\"type\":\"message\"}",
        "{\"type\":\"presence\",\"body\":{\"action\":\"online\",\"user\":{\"uid\":\"bob\"}}}",
        "{\"type\":\"presence\",\"body\":{\"action\":\"offline\",\"user\":\"bob\"}}",
        "{\"type\":\"presence\",\"body\":{\"action\":\"online\",\"user\":\"zoe\"}}",
        "{\"type\":\"presence\",\"body\":{\"action\":\"online\",\"user\":\"eve\"}}",
        "{\"type\":\"presence\",\"deviceId\":\"PY-me\",\"body\":{\"action\":\"online\","
        "\"user\":\"eve\"}}");

    cp_session_received(session, cp_slice_of(text), now);
}

static void end_socket(void)
{
    static const uint16_t codes[] = {1000, 1001, 1005, 1006, 1008, 1012, 4001};
    cp_ending ending = {.code = codes[pick(7)], .clean = pick(2)};

    if (!has_socket && pick(4) > 0)
        return;
    if (pick(3) == 0)
        cp_failure_set(&ending.failure, pick(2) ? CP_FAILURE_TLS : CP_FAILURE_CONNECTION_LOST,
                       "ERR", "gone");
    has_socket = false;
    cp_session_closed(session, &ending, now);
}

/* ---- answers */

static const char *some_body(const char *path)
{
    if (pick(6) == 0)
        return PICK_TEXT("", "[", "{}", "{\"data\":[]}", "{\"data\":{}}");
    if (strstr(path, "auth_tokens"))
        return TOKEN_ANSWER;
    if (strstr(path, "/me"))
        return PICK_TEXT(ME_ANSWER, ME_WITH("t2", "j2"));
    if (strstr(path, "online-members"))
        return PICK_TEXT("{\"data\":{\"onlineUsersCount\":1}}",
                         "{\"data\":{\"onlineUsersCount\":9}}",
                         "{\"data\":{\"onlineUsersCount\":1001}}");
    if (strstr(path, "users/"))
        return "{\"data\":{\"uid\":\"bob\"}}";
    return users_page(PICK_TEXT("", "bob", "bob,zoe", "bob,zoe,eve,ann"), (int)pick(3));
}

static void answer_well(void)
{
    cp_http_answer answer = {.ticket = requests[0].ticket, .status = 200};

    answer.body = cp_slice_of(some_body(requests[0].path));
    take_off_table(0);
    cp_session_answered(session, &answer, now);
}

static void answer_something(void)
{
    cp_http_answer answer = {.ticket = pick(100), .status = 200};
    unsigned nth;

    if (request_count > 0 && pick(20) > 0) {
        nth = pick(request_count);
        answer.ticket = requests[nth].ticket;
        answer.body = cp_slice_of(some_body(requests[nth].path));
        take_off_table(nth);
    }
    switch (pick(12)) {
    case 0:
        cp_failure_set(&answer.failure, pick(2) ? CP_FAILURE_TLS : CP_FAILURE_TIMEOUT, "ERR", "no");
        break;
    case 1:
        answer.status = 429;
        answer.body = cp_slice_of("{\"error\":{\"code\":\"ERR_TOO_MANY_REQUESTS\"}}");
        answer.retry_after = cp_slice_of(PICK_TEXT("0", "3", "20", "x"));
        break;
    case 2:
        answer.status = 401;
        answer.body = cp_slice_of("{\"error\":{\"code\":\"AUTH_ERR_AUTH_TOKEN_NOT_FOUND\"}}");
        break;
    case 3:
        answer.status = 503;
        answer.body = cp_slice_of("busy");
        break;
    case 4:
        answer.quota_remaining = cp_slice_of("0");
        answer.quota_reset = cp_slice_of("5");
        break;
    default:
        break;
    }
    cp_session_answered(session, &answer, now);
}

/* ---- time */

static void go_on_in_time(void)
{
    cp_usec deadline = cp_session_deadline(session);

    if (pick(3) > 0 && deadline != CP_NEVER && deadline > now.usec)
        now.usec = deadline;
    else
        now.usec += (cp_usec)pick(4) * SEC + pick(1000);
    cp_session_elapsed(session, now);
}

/* What a good world would do next, so that lives get somewhere. */
static void tell_fitting(void)
{
    switch (cp_session_state_of(session)) {
    case CP_STATE_CONNECTING:
        cp_session_opened(session, now);
        break;
    case CP_STATE_AUTHENTICATING:
        cp_session_received(session, cp_slice_of(ACCEPTED), now);
        break;
    case CP_STATE_OFFLINE:
    case CP_STATE_REFUSED:
        if (request_count > 0)
            answer_well();
        else
            call_of_kind(pick(2) ? CP_CALL_LOGIN : CP_CALL_CONNECT);
        break;
    default:
        if (request_count > 0)
            answer_well();
        else if (cp_session_state_of(session) == CP_STATE_WAITING)
            go_on_in_time();
        else
            hear_something();
        break;
    }
}

static void tell_something(void)
{
    maybe_run_out_of_memory();
    if (pick(3) > 0) {
        tell_fitting();
        return;
    }
    switch (pick(10)) {
    case 0:
        call_something();
        break;
    case 1:
        if (pick(4) == 0)
            cancel_something();
        break;
    case 2:
    case 3:
        if (has_socket || pick(4) == 0)
            cp_session_opened(session, now);
        break;
    case 4:
    case 5:
        hear_something();
        break;
    case 6:
        if (pick(3) == 0)
            end_socket();
        break;
    case 7:
        go_on_in_time();
        break;
    default:
        answer_something();
        break;
    }
}

static void live_a_life(void)
{
    begin_config(pick(4));
    config.has_token_provider = pick(2);
    config.auto_connect = pick(4);
    config.sync_on_connect = pick(4);
    config.sync_every = pick(2) ? CP_NEVER : 20 * SEC;
    config.audit_after = pick(2) ? CP_NEVER : 10 * SEC;
    config.count_every = pick(2) ? CP_NEVER : 15 * SEC;
    config.degraded_every = 5 * SEC;
    config.reconnect.max_attempts = pick(2) ? -1 : 3;
    config.max_users = pick(2) ? 3 : 1000;
    config.watched_every = 15 * SEC;
    if (pick(2))
        CHECK_INT(cp_texts_copy(&config.watched, (char *[]){"zoe", "max", NULL}), CP_OK);
    begin_configured();
    is_quiet = true;
    is_short_of_memory = pick(2);
    for (int i = 0; i < FACTS; i++) {
        tell_something();
        if (pick(10) == 0)
            continue; /* nobody pulls, for once */
        pump();
        settle();
        check_state();
        check_progress();
        (void)allocation_failed(); /* there is memory again */
    }
    (void)allocation_failed();
    end_life();
}

TEST(no_order_of_facts_confuses_a_session)
{
    for (int i = 0; i < SESSIONS; i++) {
        seed = (uint64_t)i;
        live_a_life();
    }
}
