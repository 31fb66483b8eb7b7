#include "core/rest.h"

#include <stdio.h>

#include "core/json.h"
#include "core/text.h"

#define PLATFORM "python"
#define UID_LIMIT 1024 /* bytes; CometChat's own is 100 characters */
#define KEY_LIMIT 1024 /* of the auth key, which has 40 */

/* ---- what every request has */

static cp_status not_logged_in(cp_failure *failure)
{
    cp_failure_set(failure, CP_FAILURE_AUTH, "USER_NOT_LOGED_IN", "Nobody is logged in."); /* sic */
    return CP_ERR_ARGUMENT;
}

static cp_status find_target(const cp_account *account, cp_service service, cp_target *out,
                             cp_failure *failure)
{
    static const char *const names[] = {
        [CP_SERVICE_ADMIN] = "host of the admin API",
        [CP_SERVICE_CLIENT] = "host of the client API",
        [CP_SERVICE_SOCKET] = "host of the socket",
        [CP_SERVICE_COUNT] = "host of the online count",
    };
    if (cp_account_target(account, service, out) == CP_OK)
        return CP_OK;
    return cp_failure_refuse(failure, "INVALID_HOST", names[service],
                             "is not usable, or plain http without allow_plaintext=True");
}

/* The name is all that is said of a value that cannot be sent: it may be a secret. */
static cp_status add_header(cp_http_request *out, const char *name, cp_slice value,
                            cp_failure *failure)
{
    cp_status status = cp_http_request_add(out, name, value);
    if (status == CP_ERR_NOMEM)
        return cp_failure_no_memory(failure);
    if (status != CP_OK)
        return cp_failure_refuse(failure, "INVALID_PARAMETER", name,
                                 "is missing, or has control characters in it");
    return CP_OK;
}

static cp_status begin(const cp_account *account, cp_service service, const char *method,
                       cp_http_request *out, cp_failure *failure)
{
    cp_status status = find_target(account, service, &out->target, failure);
    if (status == CP_OK)
        status = add_header(out, "appId", cp_slice_of(account->config->app_id), failure);
    if (status == CP_OK)
        status = add_header(out, "Accept", cp_slice_of("application/json"), failure);
    if (status == CP_OK)
        status = add_header(out, "Content-Type", cp_slice_of("application/json"), failure);
    out->method = method;
    cp_buffer_append_text(&out->path, out->target.prefix);
    return status;
}

/* The online count is asked without these. */
static cp_status introduce(const cp_account *account, cp_http_request *out, cp_failure *failure)
{
    char sdk[64];
    snprintf(sdk, sizeof sdk, PLATFORM "@%s", account->config->version);
    cp_status status =
        add_header(out, "resource", cp_slice_of(account->config->session_id), failure);
    return status == CP_OK ? add_header(out, "sdk", cp_slice_of(sdk), failure) : status;
}

static cp_status begin_as_user(const cp_account *account, const char *method, cp_http_request *out,
                               cp_failure *failure)
{
    if (!account->auth_token)
        return not_logged_in(failure);
    cp_status status = begin(account, CP_SERVICE_CLIENT, method, out, failure);
    if (status == CP_OK)
        status = introduce(account, out, failure);
    return status == CP_OK ? add_header(out, "authToken", cp_slice_of(account->auth_token), failure)
                           : status;
}

/* What could not be finished is wiped: half of a request may hold a whole secret. */
static cp_status finish(cp_status status, cp_http_request *out, cp_failure *failure)
{
    if (status == CP_OK && (out->path.failed || out->body.failed))
        status = cp_failure_no_memory(failure);
    if (status != CP_OK)
        cp_http_request_destroy(out);
    return status;
}

static void put_login_body(const cp_config *config, cp_buffer *out)
{
    cp_buffer_append_text(out, "{\"platform\":\"" PLATFORM "\",");
    cp_json_put_member(out, "deviceId", cp_slice_of(config->device_id));
    cp_buffer_append_text(out, "\"appInfo\":{");
    cp_json_put_member(out, "version", cp_slice_of(config->version));
    cp_buffer_append_text(out, "\"apiVersion\":\"" CP_API_VERSION "\",\"userAgent\":");
    char agent[64];
    snprintf(agent, sizeof agent, "cometpresence/%s", config->version);
    cp_json_put_text(out, cp_slice_of(agent));
    cp_buffer_append_text(out, "}}");
}

/* ---- text that becomes a part of a URL */

static bool is_unreserved(char byte)
{
    return (cp_lower(byte) >= 'a' && cp_lower(byte) <= 'z') || (byte >= '0' && byte <= '9') ||
           (byte != '\0' && strchr("-._~", byte));
}

static void put_encoded(cp_buffer *out, cp_slice text)
{
    for (size_t i = 0; i < text.length; i++) {
        if (is_unreserved(text.data[i]))
            cp_buffer_append(out, (cp_slice){&text.data[i], 1});
        else
            cp_buffer_append_format(out, "%%%02X", (unsigned)(unsigned char)text.data[i]);
    }
}

/* A uid is one segment of a path; "." and ".." would be none, however they are encoded. */
static cp_status check_uid(cp_slice uid, cp_failure *failure)
{
    if (uid.length == 0)
        return cp_failure_refuse(failure, "INVALID_UID", "uid", "is empty");
    if (uid.length > UID_LIMIT)
        return cp_failure_refuse(failure, "INVALID_UID", "uid", "is too long");
    if (cp_slice_has_control(uid))
        return cp_failure_refuse(failure, "INVALID_UID", "uid", "has control characters in it");
    if (cp_slice_is(uid, ".") || cp_slice_is(uid, ".."))
        return cp_failure_refuse(failure, "INVALID_UID", "uid", "is a path");
    return CP_OK;
}

static void put_user_path(cp_buffer *out, cp_slice uid)
{
    cp_buffer_append_text(out, "/users/");
    put_encoded(out, uid);
}

/* ---- the requests */

cp_status cp_rest_check_login(cp_slice uid, cp_slice auth_key, cp_failure *failure)
{
    cp_status status = check_uid(uid, failure);
    if (status != CP_OK)
        return status;
    if (auth_key.length == 0)
        return cp_failure_refuse(failure, "MISSING_PARAMETERS", "auth key", "is missing");
    if (auth_key.length > KEY_LIMIT)
        return cp_failure_refuse(failure, "INVALID_PARAMETER", "auth key", "is too long");
    if (cp_slice_has_control(auth_key))
        return cp_failure_refuse(failure, "INVALID_PARAMETER", "auth key",
                                 "has control characters in it");
    return CP_OK;
}

cp_status cp_rest_create_token(const cp_account *account, cp_slice uid, cp_slice auth_key,
                               cp_http_request *out, cp_failure *failure)
{
    cp_status status = cp_rest_check_login(uid, auth_key, failure);
    if (status == CP_OK)
        status = begin(account, CP_SERVICE_ADMIN, "POST", out, failure);
    if (status == CP_OK)
        status = introduce(account, out, failure);
    if (status == CP_OK)
        status = add_header(out, "apiKey", auth_key, failure);
    put_user_path(&out->path, uid);
    cp_buffer_append_text(&out->path, "/auth_tokens");
    put_login_body(account->config, &out->body);
    return finish(status, out, failure);
}

cp_status cp_rest_put_me(const cp_account *account, cp_http_request *out, cp_failure *failure)
{
    cp_status status = begin_as_user(account, "PUT", out, failure);
    cp_buffer_append_text(&out->path, "/me");
    put_login_body(account->config, &out->body);
    return finish(status, out, failure);
}

cp_status cp_rest_get_me(const cp_account *account, cp_http_request *out, cp_failure *failure)
{
    cp_status status = begin_as_user(account, "GET", out, failure);
    cp_buffer_append_text(&out->path, "/me");
    return finish(status, out, failure);
}

cp_status cp_rest_delete_me(const cp_account *account, cp_http_request *out, cp_failure *failure)
{
    cp_status status = begin_as_user(account, "DELETE", out, failure);
    cp_buffer_append_text(&out->path, "/me");
    return finish(status, out, failure);
}

cp_status cp_rest_get_user(const cp_account *account, cp_slice uid, cp_http_request *out,
                           cp_failure *failure)
{
    cp_status status = check_uid(uid, failure);
    if (status == CP_OK)
        status = begin_as_user(account, "GET", out, failure);
    put_user_path(&out->path, uid);
    return finish(status, out, failure);
}

cp_status cp_rest_count_online(const cp_account *account, cp_http_request *out, cp_failure *failure)
{
    if (!account->jwt)
        return finish(not_logged_in(failure), out, failure);
    cp_status status = begin(account, CP_SERVICE_COUNT, "POST", out, failure);
    if (status == CP_OK)
        status =
            add_header(out, "Authorization", cp_slice_of(account->jwt), failure); /* no "Bearer" */
    cp_buffer_append_text(&out->path, "/online-members");
    return finish(status, out, failure);
}

/* ---- the list of users */

/* A blank word is none, as the vendor has it. */
static void put_option(cp_buffer *out, const char *name, const char *value)
{
    if (cp_text_is_empty(value))
        return;
    cp_buffer_append_format(out, "&%s=", name);
    put_encoded(out, cp_slice_of(value));
}

static void put_lower_option(cp_buffer *out, const char *name, const char *value)
{
    if (cp_text_is_empty(value))
        return;
    cp_buffer_append_format(out, "&%s=", name);
    for (; *value; value++)
        put_encoded(out, (cp_slice){(char[]){cp_lower(*value)}, 1});
}

static void put_flag(cp_buffer *out, const char *name, bool is_set)
{
    if (is_set)
        cp_buffer_append_format(out, "&%s=1", name);
}

static void put_list(cp_buffer *out, const char *name, char *const *list)
{
    if (!list || !list[0])
        return;
    cp_buffer_append_format(out, "&%s=", name);
    for (size_t i = 0; list[i]; i++) {
        cp_buffer_append_text(out, i > 0 ? "," : "");
        put_encoded(out, cp_slice_of(list[i]));
    }
}

/* The filter calls "available" what a person calls "online". */
static const char *status_word(const char *status)
{
    return status && strcmp(status, "online") == 0 ? "available" : status;
}

/* In the order of the vendor's SDK. */
static void put_query(cp_buffer *out, const cp_users_query *query)
{
    cp_buffer_append_format(out, "/users?per_page=%d", query->limit);
    put_option(out, "searchKey", query->search_keyword);
    put_option(out, "status", status_word(query->status));
    put_flag(out, "hideBlockedUsers", query->hide_blocked_users);
    put_list(out, "roles", query->roles);
    put_list(out, "tags", query->tags);
    put_flag(out, "friendsOnly", query->friends_only);
    put_flag(out, "withTags", query->with_tags);
    put_list(out, "uids", query->uids);
    put_lower_option(out, "sortBy", query->sort_by);
    put_lower_option(out, "sortOrder", query->sort_order);
    put_list(out, "searchIn", query->search_in);
    cp_buffer_append_format(out, "&page=%d", query->page);
}

cp_status cp_rest_get_users(const cp_account *account, const cp_users_query *query,
                            cp_http_request *out, cp_failure *failure)
{
    cp_status status = cp_users_query_check(query, failure);
    if (status == CP_OK)
        status = begin_as_user(account, "GET", out, failure);
    if (status == CP_OK)
        put_query(&out->path, query);
    return finish(status, out, failure);
}
