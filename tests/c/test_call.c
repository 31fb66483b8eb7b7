#include "core/call.h"

#include "core/text.h"
#include "test.h"

static cp_user *new_user(const char *uid)
{
    cp_user_fields fields = {.text[CP_USER_UID] = cp_slice_of(uid)};
    bool trimmed;
    cp_user *user = cp_user_new(&fields, &trimmed);
    CHECK(user != NULL);
    return user;
}

/* Takes the users. */
static cp_sync_report new_report(cp_user *online, cp_user *offline)
{
    cp_sync_report report = {.generation = 3, .online = 5, .pages = 2, .passes = 1};
    report.went_online = calloc(1, sizeof(cp_user *));
    report.went_offline = calloc(1, sizeof(cp_user *));
    CHECK(report.went_online && report.went_offline);
    report.went_online[0] = online;
    report.went_offline[0] = offline;
    report.went_online_count = report.went_offline_count = 1;
    return report;
}

TEST(a_call_begins_without_deadline_and_outcome)
{
    cp_call call;
    cp_call_init(&call, CP_CALL_GET_USER);
    CHECK_INT(call.kind, CP_CALL_GET_USER);
    CHECK_INT(call.timeout, CP_NEVER);
    CHECK_INT(call.deadline, CP_NEVER);
    CHECK_INT(call.failure.kind, CP_FAILURE_NONE);
    CHECK_INT(call.user.last_active_at, CP_ABSENT);
    CHECK_INT(call.query.page, 1);
    CHECK(call.uid == NULL && call.next == NULL);
    cp_call_destroy(&call);
    cp_call_destroy(&call);
}

TEST(a_destroyed_call_lets_everything_go)
{
    cp_call call;
    cp_call_init(&call, CP_CALL_LOGIN);
    CHECK_INT(cp_text_copy(&call.uid, "alice"), CP_OK);
    CHECK_INT(cp_text_copy(&call.auth_key, "KEY"), CP_OK);
    CHECK_INT(cp_text_copy(&call.auth_token, "TOKEN"), CP_OK);
    CHECK_INT(cp_text_copy(&call.query.status, "online"), CP_OK);
    call.user.user = new_user("alice");
    call.page.users = calloc(1, sizeof(cp_presence));
    call.page.users[0].user = new_user("bob");
    call.page.count = 1;
    call.report = new_report(new_user("carol"), new_user("dave"));
    cp_call_destroy(&call);
    CHECK(!call.uid && !call.auth_key && !call.auth_token && !call.user.user && !call.page.users);
}

TEST(a_report_is_copied_with_its_users_or_not_at_all)
{
    cp_sync_report report = new_report(new_user("bob"), new_user("carol"));
    for (unsigned n = 1, failed = 1; failed; n++) {
        cp_sync_report copy;
        fail_allocation(n);
        cp_status status = cp_sync_report_copy(&copy, &report);
        failed = allocation_failed();
        CHECK_INT(status, failed ? CP_ERR_NOMEM : CP_OK);
        CHECK_INT(copy.generation, failed ? 0 : 3);
        CHECK_INT(copy.went_online_count, failed ? 0 : 1);
        CHECK(failed ? !copy.went_online : copy.went_online != report.went_online);
        CHECK(failed || copy.went_offline[0] == report.went_offline[0]);
        cp_sync_report_destroy(&copy);
    }
    cp_sync_report_destroy(&report);
    CHECK(report.went_online == NULL && report.went_online_count == 0);
}

TEST(a_report_about_nobody_is_copied_without_memory)
{
    cp_sync_report copy, report = {.online = 9};
    fail_allocation(1);
    CHECK_INT(cp_sync_report_copy(&copy, &report), CP_OK);
    CHECK(!allocation_failed());
    CHECK_INT(copy.online, 9);
    CHECK(copy.went_online == NULL);
    cp_sync_report_destroy(&copy);
}
