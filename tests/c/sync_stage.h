/* A comparison by hand, for the tests of cp_sync: it asks, and they answer. */
#ifndef SYNC_STAGE_H
#define SYNC_STAGE_H

#include "core/sync.h"
#include "test.h"
#include "users_page.h"

static cp_config config;
static cp_account account;
static cp_roster *roster;
static cp_sync sync_; /* sync() is POSIX's */
static uint64_t ticket;
static char path[2048]; /* of the latest request; "" when none is wanted */
static const cp_usec now = 1000;

/* ---- a comparison by hand */

static inline void learn_account(void)
{
    cp_failure failure;
    cp_http_answer me = {
        .status = 200,
        .body = cp_slice_of("{\"data\":{\"uid\":\"me\",\"authToken\":\"t\",\"jwt\":\"j\"}}"),
    };

    cp_account_init(&account, &config);
    CHECK_INT(cp_rest_read_me(&me, &account, &failure), CP_OK);
}

static inline void begin_test(cp_subscription subscription)
{
    cp_config_init(&config);
    config.app_id = strdup("app1");
    config.region = strdup("us");
    config.version = strdup("1.0");
    config.session_id = strdup("PY-me");
    config.device_id = strdup("device");
    config.subscription = subscription;
    learn_account();
    roster = cp_roster_new(64, 10000, 7);
    cp_roster_begin_generation(roster);
    cp_sync_init(&sync_, &config);
    ticket = 0;
}

static inline void end_test(void)
{
    cp_sync_destroy(&sync_);
    cp_roster_free(roster);
    cp_account_forget(&account);
    cp_config_destroy(&config);
}

static inline void apply(void)
{
    unsigned pieces = 0;

    while (cp_sync_apply(&sync_, roster, now))
        CHECK(++pieces < 1000);
}

/* Asks for what is wanted; the path tells what that was. */
static inline void ask(void)
{
    cp_http_request request;
    cp_failure failure = {0};
    bool wanted;

    apply();
    path[0] = '\0';
    cp_http_request_init(&request);
    CHECK_INT(cp_sync_next_request(&sync_, &account, ticket + 1, &request, &wanted, &failure),
              CP_OK);
    ticket += wanted;
    if (wanted)
        snprintf(path, sizeof path, "%.*s", (int)request.path.length, request.path.data);
    cp_http_request_destroy(&request);
}

static inline void begin(cp_origin origin)
{
    cp_sync_begin(&sync_, origin, now);
    ask();
}

static inline cp_status answer(const char *body)
{
    cp_http_answer given = {.ticket = ticket, .status = 200, .body = cp_slice_of(body)};
    cp_failure failure = {0};
    cp_status status = cp_sync_answered(&sync_, &given, &failure);

    CHECK_INT(status == CP_OK, failure.kind == CP_FAILURE_NONE);
    ask();
    return status;
}

static inline void push(const char *uid, cp_presence_status status)
{
    cp_user_fields fields = {.text[CP_USER_UID] = cp_slice_of(uid)};
    cp_presence seen = {.status = status, .last_active_at = 5, .at = 5};
    bool trimmed;

    for (int i = 0; i < CP_USER_NUMBERS; i++)
        fields.number[i] = CP_ABSENT;
    seen.user = cp_user_new(&fields, &trimmed);
    CHECK_INT(cp_roster_apply_live(roster, &seen, now), CP_OK);
    cp_sync_moved(&sync_);
    cp_presence_destroy(&seen);
}

static inline cp_presence_status known(const char *uid)
{
    cp_roster_view view;

    return cp_roster_find(roster, cp_slice_of(uid), &view) ? view.status : CP_UNKNOWN;
}

/* A roster that knows these, from an earlier comparison. */
static inline void know(const char *users)
{
    begin(CP_ORIGIN_SNAPSHOT);
    answer(users_page(users, 1));
    CHECK_INT(sync_.phase, CP_PHASE_DONE);
    cp_sync_abandon(&sync_);
}

#endif
