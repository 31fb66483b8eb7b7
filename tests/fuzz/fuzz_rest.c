/* The REST calls as text.  An answer, whatever it says, is read or fails with a reason; never
 * both.  A request, whatever it is made of, is refused or can be sent: nothing in it ends a
 * line, and nothing of a path is outside of what URLs consist of.
 *
 * Reaches at least 900 edges. */
#include "core/rest.h"

#include "fuzz.h"

static cp_config config = {
    .app_id = "app1",
    .region = "us",
    .version = "1.0",
    .session_id = "PY-me",
    .device_id = "device",
};
static cp_account account;

/* ---- answers */

static void check_page(const cp_users_page *page)
{
    CHECK(page->total >= 0 && page->total_pages >= 0 && page->current_page >= 0);
    for (size_t i = 0; i < page->count; i++)
        check_presence(&page->users[i]);
}

static cp_status read_users(const cp_http_answer *answer, cp_failure *failure)
{
    cp_users_page page;
    cp_status status = cp_rest_read_users(answer, &page, failure);
    check_page(&page);
    CHECK(status == CP_OK || page.count == 0);
    cp_users_page_destroy(&page);
    return status;
}

static cp_status read_user(const cp_http_answer *answer, cp_failure *failure)
{
    cp_presence user;
    cp_status status = cp_rest_read_user(answer, &user, failure);
    CHECK((status == CP_OK) == (user.user != NULL));
    if (status == CP_OK)
        check_presence(&user);
    cp_presence_destroy(&user);
    return status;
}

static cp_status read_token(const cp_http_answer *answer, cp_failure *failure)
{
    cp_buffer token;
    cp_buffer_init(&token);
    cp_status status = cp_rest_read_token(answer, &token, failure);
    CHECK(status != CP_OK || token.length > 0);
    cp_buffer_destroy(&token);
    return status;
}

static cp_status read_me(const cp_http_answer *answer, cp_failure *failure)
{
    cp_target target;
    cp_status status = cp_rest_read_me(answer, &account, failure);
    for (int service = 0; service <= CP_SERVICE_COUNT; service++) {
        if (cp_account_target(&account, (cp_service)service, &target) == CP_OK)
            CHECK(cp_config_allows(&config, &target));
    }
    return status;
}

static void read_answer(choices *from)
{
    static const int statuses[] = {200, 200, 200, 301, 400, 401, 403, 404, 429, 500, 503};
    unsigned kind = choose(from, 6);
    cp_failure failure = {0};
    int64_t count;
    cp_http_answer answer = {.status = statuses[choose(from, 11)]};
    cp_status status = CP_OK;
    cp_usec wait;

    if (choose(from, 4) == 0) {
        answer.retry_after = choose_bytes(from);
        answer.quota_remaining = choose_bytes(from);
        answer.quota_reset = choose_bytes(from);
    }
    answer.body = slice_of_input(from->at, (size_t)(from->end - from->at));
    answer.body.data = exact_copy(answer.body);
    switch (kind) {
    case 0:
        status = read_users(&answer, &failure);
        break;
    case 1:
        status = read_user(&answer, &failure);
        break;
    case 2:
        status = read_token(&answer, &failure);
        break;
    case 3:
        status = read_me(&answer, &failure);
        break;
    case 4:
        status = cp_rest_read_count(&answer, &count, &failure);
        break;
    default:
        status = cp_rest_read_done(&answer, &failure);
        break;
    }
    wait = cp_rest_wait_asked(&answer, 1700000000);
    free((char *)answer.body.data);
    CHECK(wait == CP_ABSENT || (wait >= 0 && wait <= 3600 * CP_USEC_PER_SEC));
    CHECK((status == CP_OK) == (failure.kind == CP_FAILURE_NONE));
    CHECK(cp_utf8_is_valid(cp_slice_of(failure.code)));
    CHECK(cp_utf8_is_valid(cp_slice_of(failure.message)));
    CHECK(cp_utf8_is_valid(cp_slice_of(failure.details)));
    cp_rest_hide(&failure, "secret");
    CHECK(strstr(failure.message, "secret") == NULL);
}

/* ---- requests */

static void check_request(const cp_http_request *request)
{
    cp_slice path = cp_buffer_slice(&request->path);

    CHECK(path.length > 0 && path.data[0] == '/');
    for (size_t i = 0; i < path.length; i++)
        CHECK(path.data[i] > ' ' && path.data[i] < 0x7F && path.data[i] != '#');
    for (unsigned i = 0; i < request->headers; i++)
        for (const char *at = request->header[i].value; *at; at++)
            CHECK((unsigned char)*at >= ' ' && *at != 0x7F);
    if (request->body.length > 0)
        CHECK_INT(cp_json_scan(cp_buffer_slice(&request->body), CP_JSON_BODY_LIMITS), CP_OK);
}

static char *choose_text(choices *from)
{
    cp_slice bytes = choose_bytes(from);
    return choose(from, 3) ? strndup(bytes.data, bytes.length) : NULL;
}

static char **choose_texts(choices *from)
{
    unsigned count = choose(from, 4);
    char **texts = count ? calloc(count + 1, sizeof *texts) : NULL;
    for (unsigned i = 0; i < count; i++) {
        cp_slice bytes = choose_bytes(from);
        texts[i] = strndup(bytes.data, bytes.length);
    }
    return texts;
}

static cp_status write_users(choices *from, cp_http_request *out, cp_failure *failure)
{
    cp_users_query query;
    cp_users_query_init(&query);
    query.limit = (int)choose(from, 120);
    query.page = (int)choose(from, 5);
    query.search_keyword = choose_text(from);
    query.search_in = choose_texts(from);
    query.status = choose_text(from);
    query.roles = choose_texts(from);
    query.tags = choose_texts(from);
    query.uids = choose_texts(from);
    query.sort_by = choose_text(from);
    query.sort_order = choose_text(from);
    query.friends_only = choose(from, 2);
    query.with_tags = choose(from, 2);
    cp_status status = cp_rest_get_users(&account, &query, out, failure);
    cp_users_query_destroy(&query);
    return status;
}

static void write_request(choices *from)
{
    cp_http_request request;
    cp_failure failure = {0};
    cp_status status;

    cp_http_request_init(&request);
    switch (choose(from, 3)) {
    case 0:
        status = write_users(from, &request, &failure);
        break;
    case 1:
        status = cp_rest_get_user(&account, choose_bytes(from), &request, &failure);
        break;
    default: {
        cp_slice uid = choose_bytes(from);
        status = cp_rest_create_token(&account, uid, choose_bytes(from), &request, &failure);
        break;
    }
    }
    CHECK((status == CP_OK) == (failure.kind == CP_FAILURE_NONE));
    if (status == CP_OK)
        check_request(&request);
    cp_http_request_destroy(&request);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    choices from = {data, data + size};

    cp_account_init(&account, &config);
    (void)cp_account_set_token(&account, cp_slice_of("token"));
    if (choose(&from, 3) == 0)
        write_request(&from);
    else
        read_answer(&from);
    cp_account_forget(&account);
    return 0;
}
