#include "core/session.h"

#include <cjson/cJSON.h>

#include "session_feed.h"

TEST(malformed_frames_are_counted_and_complained_about_once_a_minute)
{
    begin_session();
    get_connected();
    hear("{");
    CHECK_DIARY("ERROR frame ERR_MALFORMED_FRAME");
    hear("[[[");
    cp_session_mangled(session, CP_ERR_ENCODING, now);
    pump();
    CHECK_DIARY("");
    CHECK_INT(cp_session_counts_of(session).malformed, 3);
    now.usec += 60 * SEC;
    cp_session_mangled(session, CP_ERR_TOO_LARGE, now);
    pump();
    CHECK_DIARY("ERROR frame ERR_MALFORMED_FRAME");
    CHECK_INT(cp_session_counts_of(session).malformed, 4);
    CHECK_INT(cp_session_state_of(session), CP_STATE_LIVE);
    end_session();
}

TEST(unknown_frames_are_counted)
{
    begin_session();
    get_connected();
    hear("{\"type\":\"weather\"}");
    hear("[]");
    hear("{\"type\":\"message\"}"); /* known, and none of our business */
    CHECK_INT(cp_session_counts_of(session).unknown_frames, 2);
    CHECK_INT(cp_session_counts_of(session).frames, 4);
    CHECK_DIARY("");
    end_session();
}

TEST(presence_goes_into_the_roster)
{
    begin_session();
    get_connected();
    hear_presence("bob", "online");
    CHECK_INT(cp_roster_status(roster, cp_slice_of("bob")), CP_ONLINE);
    hear_presence("bob", "offline");
    CHECK_INT(cp_roster_status(roster, cp_slice_of("bob")), CP_OFFLINE);
    end_session();
}

TEST(what_our_own_session_caused_is_dropped)
{
    begin_session();
    get_connected();
    hear("{\"type\":\"presence\",\"deviceId\":\"PY-me\",\"body\":{\"action\":\"online\","
         "\"timestamp\":1,\"user\":{\"uid\":\"bob\"}}}");
    CHECK_INT(cp_roster_count(roster), 0);
    end_session();
}

TEST(presence_before_the_acceptance_is_ignored)
{
    begin_session();
    log_in();
    hear_presence("bob", "online");
    opened();
    hear_presence("bob", "online");
    hear(ACCEPTED);
    CHECK_INT(cp_roster_count(roster), 0);
    end_session();
}

TEST(frames_of_a_socket_we_left_are_ignored)
{
    begin_session();
    get_connected();
    call(CP_CALL_DISCONNECT);
    forget_diary();
    hear_presence("bob", "online");
    hear("{");
    cp_session_mangled(session, CP_ERR_ENCODING, now);
    pump();
    CHECK_DIARY("");
    CHECK_INT(cp_roster_count(roster), 0);
    CHECK_INT(cp_session_counts_of(session).malformed, 0);
    end_session();
}

TEST(a_second_auth_answer_changes_nothing)
{
    begin_session();
    get_connected();
    hear(ACCEPTED);
    hear(REFUSED);
    CHECK_DIARY("");
    CHECK_INT(cp_session_state_of(session), CP_STATE_LIVE);
    end_session();
}

TEST(a_profile_that_lost_its_metadata_is_counted)
{
    begin_session();
    get_connected();
    size_t size = CP_USER_PROFILE_LIMIT + 100;
    char *text = malloc(size + 300);
    int start = sprintf(text, "{\"type\":\"presence\",\"body\":{\"action\":\"online\","
                              "\"timestamp\":1,\"user\":{\"uid\":\"bob\",\"metadata\":{\"a\":\"");
    memset(text + start, 'x', size);
    strcpy(text + start + size, "\"}}}}");
    hear(text);
    free(text);
    CHECK_INT(cp_roster_status(roster, cp_slice_of("bob")), CP_ONLINE);
    CHECK_INT(cp_roster_counts_of(roster).trimmed, 1);
    end_session();
}

/* ---- secrets */

static void live_with(const char *secret)
{
    begin_session();
    watch_for(secret);
    call_login("alice", "THEKEY");
    answer("{\"data\":{\"uid\":\"alice\",\"authToken\":\"THETOKEN\"}}");
    answer(ME_WITH("THETOKEN", "THEJWT"));
    be_accepted();
    elapse(config.ping_interval); /* another frame where the jwt was */
    hear(PONG);
    call_get_user("bob", CP_NEVER);
    refuse_with(401, "AUTH_ERR_AUTH_TOKEN_NOT_FOUND");
    answer(ME_WITH("NEWTOKEN", "NEWJWT"));
    closed_with(1006);
    wait_for_attempt();
    opened();
    end_session();
}

TEST(no_secret_is_left_in_memory_that_is_given_back)
{
    static const char *const secrets[] = {"THEKEY", "THETOKEN", "THEJWT", "NEWTOKEN", "NEWJWT"};
    cJSON_Hooks ours = {malloc, free}; /* so that the engine's memory is looked at, too */
    cJSON_InitHooks(&ours);
    for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++) {
        live_with(secrets[i]);
        CHECK(!secret_was_left());
    }
    cJSON_InitHooks(NULL);
}
