#include "core/rest.h"

#include "core/text.h"
#include "test.h"

static cp_users_query query;
static cp_failure failure;

static void begin(void)
{
    cp_users_query_init(&query);
    query.limit = 30;
    failure = (cp_failure){0};
}

static void check_good(void)
{
    cp_status status = cp_users_query_check(&query, &failure);
    CHECK_TEXT(failure.message, "");
    CHECK_INT(status, CP_OK);
    begin();
}

static void check_refused(const char *code)
{
    CHECK_INT(cp_users_query_check(&query, &failure), CP_ERR_ARGUMENT);
    CHECK_INT(failure.kind, CP_FAILURE_CONFIG);
    CHECK_TEXT(failure.code, code);
    begin();
}

TEST(a_query_needs_a_limit)
{
    cp_users_query_init(&query);
    check_refused("SET_LIMIT_IS_COMPULSORY");
}

TEST(a_limit_is_1_to_100)
{
    begin();
    query.limit = -1;
    check_refused("INVALID_SET_LIMIT");
    query.limit = 101;
    check_refused("ERROR_SET_LIMIT_EXCEEDED");
    query.limit = 1;
    check_good();
    query.limit = 100;
    check_good();
}

TEST(pages_begin_at_1)
{
    begin();
    CHECK_INT(query.page, 1);
    query.page = 0;
    check_refused("INVALID_PAGE");
}

TEST(a_status_is_online_or_offline)
{
    static char *const good[] = {"online", "offline", "available"};
    begin();
    for (size_t i = 0; i < 3; i++) {
        query.status = good[i];
        check_good();
    }
    query.status = "away";
    check_refused("INVALID_STATUS_VALUE");
    query.status = "Online";
    check_refused("INVALID_STATUS_VALUE");
    query.status = "";
    check_refused("INVALID_STATUS_VALUE");
}

TEST(at_most_25_uids_are_asked_for_at_once)
{
    char *uids[27];
    for (int i = 0; i < 26; i++)
        uids[i] = "bob";
    begin();
    uids[25] = NULL;
    query.uids = uids;
    check_good();
    uids[25] = "bob";
    uids[26] = NULL;
    query.uids = uids;
    check_refused("ERROR_SET_UIDS_EXCEEDED");
}

TEST(empty_lists_are_good_and_empty_items_are_not)
{
    begin();
    query.uids = query.roles = query.tags = query.search_in = (char *[]){NULL};
    check_good();
    query.uids = (char *[]){"bob", "", NULL};
    check_refused("INVALID_UID");
    query.roles = (char *[]){" ", NULL};
    check_refused("INVALID_PARAMETER");
}

TEST(control_characters_are_refused_everywhere)
{
    char *const evil = "a\r\nb";
    char **const list = (char *[]){"good", evil, NULL};
    begin();
    query.search_keyword = evil;
    check_refused("INVALID_PARAMETER");
    query.sort_by = evil;
    check_refused("INVALID_PARAMETER");
    query.sort_order = evil;
    check_refused("INVALID_PARAMETER");
    query.search_in = list;
    check_refused("INVALID_PARAMETER");
    query.roles = list;
    check_refused("INVALID_PARAMETER");
    query.tags = list;
    check_refused("INVALID_PARAMETER");
    query.uids = list;
    check_refused("INVALID_UID");
}

TEST(a_destroyed_query_is_as_new)
{
    begin();
    CHECK_INT(cp_text_copy(&query.search_keyword, "x"), CP_OK);
    CHECK_INT(cp_text_copy(&query.status, "online"), CP_OK);
    CHECK_INT(cp_text_copy(&query.sort_by, "name"), CP_OK);
    CHECK_INT(cp_text_copy(&query.sort_order, "asc"), CP_OK);
    CHECK_INT(cp_texts_copy(&query.uids, (char *[]){"bob", NULL}), CP_OK);
    CHECK_INT(cp_texts_copy(&query.tags, (char *[]){"vip", NULL}), CP_OK);
    CHECK_INT(cp_texts_copy(&query.roles, (char *[]){"x", NULL}), CP_OK);
    CHECK_INT(cp_texts_copy(&query.search_in, (char *[]){"uid", NULL}), CP_OK);
    cp_users_query_destroy(&query);
    CHECK_INT(query.limit, 0);
    CHECK_INT(query.page, 1);
    CHECK(query.uids == NULL && query.status == NULL);
    cp_users_query_destroy(&query);
}
