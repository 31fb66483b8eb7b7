/* Each allocation of a whole life fails once, from the login to a change that is pushed:
 * the session says so or tries again, and ends up where it would have been. */
#include "core/session.h"

#include "session_feed.h"

static const char *body_for(const char *path)
{
    if (strstr(path, "auth_tokens"))
        return TOKEN_ANSWER;
    if (strstr(path, "/me"))
        return ME_ANSWER;
    if (strstr(path, "uids="))
        return users_page("zoe:offline", 1);
    return users_page("bob", 1);
}

/* The world does its part, whatever the session is at. */
static void help_along(void)
{
    if (request_count > 0)
        answer(body_for(requests[0].path));
    else if (cp_session_state_of(session) == CP_STATE_CONNECTING)
        opened();
    else if (cp_session_state_of(session) == CP_STATE_AUTHENTICATING)
        hear(ACCEPTED);
    else if (cp_session_deadline(session) != CP_NEVER)
        elapse(until_deadline());
    if (strstr(diary, "abort")) {
        forget_diary();
        closed_with(1006);
    }
}

static void get_live(void)
{
    for (int step = 0; cp_session_state_of(session) != CP_STATE_LIVE; step++) {
        CHECK(step < 60);
        help_along();
    }
}

static void get_logged_in(void)
{
    while (cp_session_account(session)->me.user == NULL) {
        cp_call *login = new_call(CP_CALL_LOGIN);

        login->uid = __real_strdup("alice");
        login->auth_key = __real_strdup("key");
        call_within(login, CP_NEVER);
        while (request_count > 0)
            answer(body_for(requests[0].path));
        elapse(0); /* a request that could not be built is mourned first */
        CHECK(last_done() == login);
        CHECK((login->failure.kind == CP_FAILURE_NONE) == (login->user.user != NULL));
        CHECK(finished_count < 3); /* one failure is the most there may be */
        if (login->failure.kind != CP_FAILURE_NONE)
            CHECK_INT(login->failure.kind, CP_FAILURE_MEMORY);
    }
}

/* Until a comparison makes good what was lost. */
static void wait_for(const char *uid, cp_presence_status status)
{
    for (int step = 0; status_of(uid) != status; step++) {
        CHECK(step < 60);
        help_along();
    }
}

TEST(a_life_in_which_any_allocation_fails_ends_well)
{
    for (unsigned n = 1, failed = 1; failed; n++) {
        begin_config(CP_SUBSCRIBE_ALL_USERS);
        config.ping_interval = CP_NEVER;
        begin_configured();
        fail_allocation(n);
        get_logged_in();
        get_live();
        hear_presence("zoe", "online");
        call_get_user("bob", CP_NEVER);
        closed_with(1006);
        get_live();
        wait_for("zoe", CP_OFFLINE);
        failed = allocation_failed();
        CHECK_INT(status_of("bob"), CP_ONLINE);
        end_session();
    }
}

TEST(without_memory_there_is_no_session)
{
    begin_config(CP_SUBSCRIBE_ALL_USERS);
    fail_allocation(1);
    CHECK(cp_session_new(&config, NULL, 1) == NULL);
    CHECK(allocation_failed());
    cp_session_free(NULL);
    cp_config_destroy(&config);
}

TEST(a_renewal_without_memory_is_tried_again)
{
    begin_session();
    log_in();
    opened();
    forget_diary();
    cp_session_received(session, cp_slice_of(REFUSED), now);
    fail_allocation(1);
    pump();
    CHECK(allocation_failed());
    CHECK_DIARY("close");
    closed_with(1008);
    elapse(SEC);
    CHECK_DIARY("GET /v3.0/me");
    end_session();
}

TEST(a_frame_without_memory_is_written_a_little_later)
{
    begin_session();
    log_in();
    forget_diary();
    fail_allocation(1);
    opened();
    CHECK(allocation_failed());
    CHECK(!strstr(diary, "auth"));
    CHECK(until_deadline() < SEC); /* and not only when the attempt is over */
    elapse(until_deadline());
    CHECK(strstr(diary, "auth"));
    end_session();
}

/* What is not read may have been the only answer that comes. */
TEST(an_acceptance_without_memory_is_asked_for_on_the_next_socket)
{
    begin_session();
    log_in();
    opened();
    forget_diary();
    cp_session_mangled(session, CP_ERR_NOMEM, now);
    pump();
    CHECK(strstr(diary, "abort"));
    closed_with(1006);
    wait_for_attempt();
    be_accepted();
    CHECK_INT(cp_session_state_of(session), CP_STATE_LIVE);
    end_session();
}
