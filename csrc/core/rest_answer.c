#include "core/rest.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/http_date.h"
#include "core/json.h"
#include "core/text.h"
#include "core/utf8.h"

#define PAGE_MAX 1000 /* users in one answer: ten times what can be asked for */
#define WAIT_MAX (3600 * CP_USEC_PER_SEC) /* a server that wants more is asked again then */
#define INSTANT_ABOVE INT64_C(1000000000)      /* seconds: no wait, but a Unix time */

/* Why an answer is read: a login that is refused is refused for good. */
typedef enum purpose {
    TO_LOG_IN,
    TO_USE,
} purpose;

/* ---- failures */

static cp_status status_of(const cp_failure *failure)
{
    switch (failure->kind) {
    case CP_FAILURE_NONE:
        return CP_OK;
    case CP_FAILURE_MEMORY:
        return CP_ERR_NOMEM;
    case CP_FAILURE_TIMEOUT:
        return CP_ERR_TIMEOUT;
    case CP_FAILURE_CLOSED:
        return CP_ERR_CLOSED;
    case CP_FAILURE_PROTOCOL:
        return CP_ERR_PROTOCOL;
    default:
        return CP_ERR_SYSTEM;
    }
}

/* The vendor's code for an answer that nobody can read. */
static cp_status unusable(cp_failure *failure, const char *why)
{
    cp_failure_set(failure, CP_FAILURE_PROTOCOL, "FAILED_TO_FETCH", "The server's answer %s.", why);
    return CP_ERR_PROTOCOL;
}

static cp_status cannot_be_read(cp_failure *failure, cp_status why)
{
    cp_failure_set(failure, CP_FAILURE_PROTOCOL, "FAILED_TO_FETCH",
                   "The server's answer cannot be used: %s.", cp_status_text(why));
    return CP_ERR_PROTOCOL;
}

/* It ends up in logs: one line, whatever the server put in. */
static void flatten(char *text)
{
    for (; *text; text++)
        if (cp_slice_has_control((cp_slice){text, 1}))
            *text = ' ';
}

static bool begins_with(const char *text, const char *beginning)
{
    return strncmp(text, beginning, strlen(beginning)) == 0;
}

static bool is_one_of(const char *text, const char *const *list)
{
    while (*list && strcmp(text, *list) != 0)
        list++;
    return *list != NULL;
}

static cp_failure_kind kind_of(int status, const char *code, purpose why)
{
    static const char *const too_many[] = {"ERR_TOO_MANY_REQUESTS", "TOO_MANY_REQUEST", NULL};
    if (status == 429 || is_one_of(code, too_many))
        return CP_FAILURE_RATE_LIMITED;
    if (status == 401 || status == 403 || begins_with(code, "AUTH_ERR_") ||
        strcmp(code, "ERR_NO_AUTH") == 0)
        return CP_FAILURE_AUTH;
    return why == TO_LOG_IN && status < 500 ? CP_FAILURE_AUTH : CP_FAILURE_SERVER;
}

static void add_wait(const cp_http_answer *answer, cp_failure *failure)
{
    cp_usec wait = cp_rest_wait_asked(answer, 0);
    if (failure->kind == CP_FAILURE_RATE_LIMITED && wait != CP_ABSENT)
        failure->retry_after = wait;
}

/* No body of the platform's, so the HTTP status is all there is: a gateway's, perhaps. */
static cp_status refused_by_status(const cp_http_answer *answer, cp_failure *failure)
{
    char code[16];
    snprintf(code, sizeof code, "HTTP_%d", answer->status);
    cp_failure_set(failure, kind_of(answer->status, code, TO_USE), code,
                   "The server answered with HTTP status %d.", answer->status);
    add_wait(answer, failure);
    return status_of(failure);
}

/* Details are whole or absent: half of a JSON text is none. */
static void read_details(const cp_json *details, cp_failure *failure)
{
    cp_buffer text;
    bool says_nothing =
        cp_json_type_of(details) == CP_JSON_NULL || cp_slice_is(cp_json_text(details), "");
    if (says_nothing)
        return;
    cp_buffer_init(&text);
    cp_json_print(details, &text);
    if (cp_buffer_status(&text) == CP_OK && text.length < sizeof failure->details)
        cp_utf8_copy(failure->details, sizeof failure->details, cp_buffer_slice(&text));
    cp_buffer_destroy(&text);
}

/* A word, or a number as some of the platform's errors have it. */
static void read_code(const cp_http_answer *answer, const cp_json *given, char *out, size_t size)
{
    int64_t number = cp_json_count(given);
    if (cp_json_text(given).length > 0)
        cp_utf8_copy(out, size, cp_json_text(given));
    else if (number != CP_ABSENT)
        snprintf(out, size, "%" PRId64, number);
    else if (answer->status >= 400)
        snprintf(out, size, "HTTP_%d", answer->status);
    else
        snprintf(out, size, "FAILED_TO_FETCH"); /* a success that is none */
}

static cp_status refused_in_words(const cp_http_answer *answer, const cp_json *error, purpose why,
                                  cp_failure *failure)
{
    char code[sizeof failure->code];
    cp_slice message = cp_json_text(cp_json_member(error, "message"));

    if (message.length == 0)
        message = cp_slice_of("The server refused without saying why.");
    read_code(answer, cp_json_member(error, "code"), code, sizeof code);
    cp_failure_set(failure, kind_of(answer->status, code, why), code, "%.*s", (int)message.length,
                   message.data);
    flatten(failure->code);
    flatten(failure->message);
    read_details(cp_json_member(error, "details"), failure);
    add_wait(answer, failure);
    return status_of(failure);
}

bool cp_rest_is_token_lost(const cp_failure *failure)
{
    static const char *const codes[] = {"AUTH_ERR_AUTH_TOKEN_NOT_FOUND", "ERR_NO_AUTH", "HTTP_401",
                                        NULL};
    return failure->kind == CP_FAILURE_AUTH && is_one_of(failure->code, codes);
}

#define TELLING 4 /* bytes of a secret; fewer give nothing away, and are in many a word */

/* How much of `secret` stands at `text`: all of it, or what the end of the text left. */
static size_t shown_of(const char *secret, const char *text)
{
    size_t length = 0;
    while (secret[length] && secret[length] == text[length])
        length++;
    bool is_cut_off = text[length] == '\0' && length >= TELLING;
    return !secret[length] || is_cut_off ? length : 0;
}

static void hide(char *text, const char *secret)
{
    while (*text) {
        size_t shown = shown_of(secret, text);
        memset(text, '*', shown);
        text += shown > 0 ? shown : 1;
    }
}

void cp_rest_hide(cp_failure *failure, const char *secret)
{
    if (secret == NULL || strlen(secret) < TELLING)
        return;
    hide(failure->code, secret);
    hide(failure->message, secret);
    hide(failure->details, secret);
}

/* ---- opening an answer */

static cp_status judge(const cp_http_answer *answer, const cp_json *document, purpose why,
                       const cp_json **data, cp_failure *failure)
{
    const cp_json *error = cp_json_member(document, "error");
    *data = cp_json_member(document, "data");
    if (*data)
        return CP_OK;
    if (cp_json_type_of(error) == CP_JSON_OBJECT)
        return refused_in_words(answer, error, why, failure);
    if (answer->status >= 400)
        return refused_by_status(answer, failure);
    return unusable(failure, "has neither data nor an error");
}

/* CP_OK: `*data` is lent by `*document`, which the caller frees.  The body decides, not
 * the HTTP status (PROTOCOL §3.2), except where there is no body to decide. */
static cp_status open_answer(const cp_http_answer *answer, purpose why, cp_json **document,
                             const cp_json **data, cp_failure *failure)
{
    *document = NULL;
    *data = NULL;
    if (answer->failure.kind != CP_FAILURE_NONE) {
        *failure = answer->failure;
        return status_of(failure);
    }
    if (answer->status >= 300 && answer->status < 400)
        return unusable(failure, "is a redirect, which is refused");
    cp_status status = cp_json_parse(answer->body, CP_JSON_BODY_LIMITS, document);
    if (status == CP_ERR_NOMEM)
        return cp_failure_no_memory(failure);
    if (status != CP_OK)
        return answer->status >= 400 ? refused_by_status(answer, failure)
                                     : cannot_be_read(failure, status);
    status = judge(answer, *document, why, data, failure);
    if (status != CP_OK) {
        cp_json_free(*document);
        *document = NULL;
    }
    return status;
}

/* ---- the answers */

static cp_status read_token(const cp_json *data, cp_buffer *out, cp_failure *failure)
{
    cp_slice token = cp_json_text(cp_json_member(data, "authToken"));
    if (token.length == 0 || cp_slice_has_control(token))
        return unusable(failure, "has no usable auth token");
    cp_buffer_append(out, token);
    return cp_buffer_status(out) == CP_OK ? CP_OK : cp_failure_no_memory(failure);
}

cp_status cp_rest_read_token(const cp_http_answer *answer, cp_buffer *auth_token,
                             cp_failure *failure)
{
    cp_json *document;
    const cp_json *data;
    cp_status status = open_answer(answer, TO_LOG_IN, &document, &data, failure);
    if (status == CP_OK)
        status = read_token(data, auth_token, failure);
    cp_json_wipe(document);
    return status;
}

static cp_status explain(cp_status status, cp_failure *failure)
{
    if (status == CP_OK)
        return CP_OK;
    return status == CP_ERR_NOMEM ? cp_failure_no_memory(failure)
                                  : unusable(failure, "is no user that can be used");
}

cp_status cp_rest_read_me(const cp_http_answer *answer, cp_account *account, cp_failure *failure)
{
    cp_json *document;
    const cp_json *data;
    cp_status status = open_answer(answer, TO_LOG_IN, &document, &data, failure);
    if (status == CP_OK)
        status = explain(cp_account_learn(account, data), failure);
    cp_json_wipe(document);
    return status;
}

cp_status cp_rest_read_done(const cp_http_answer *answer, cp_failure *failure)
{
    cp_json *document;
    const cp_json *data;
    cp_status status = open_answer(answer, TO_USE, &document, &data, failure);
    cp_json_free(document);
    return status;
}

cp_status cp_rest_read_user(const cp_http_answer *answer, cp_presence *out, cp_failure *failure)
{
    cp_json *document;
    const cp_json *data;
    *out = (cp_presence){.last_active_at = CP_ABSENT, .at = CP_ABSENT};
    cp_status status = open_answer(answer, TO_USE, &document, &data, failure);
    if (status == CP_OK)
        status = explain(cp_presence_read(data, out), failure);
    cp_json_free(document);
    return status;
}

cp_status cp_rest_read_count(const cp_http_answer *answer, int64_t *out, cp_failure *failure)
{
    cp_json *document;
    const cp_json *data;
    cp_status status = open_answer(answer, TO_USE, &document, &data, failure);
    *out = status == CP_OK ? cp_json_count(cp_json_member(data, "onlineUsersCount")) : CP_ABSENT;
    if (status == CP_OK && *out == CP_ABSENT)
        status = unusable(failure, "has no number of online users");
    cp_json_free(document);
    return status;
}

/* ---- a page of users */

static size_t length_of(const cp_json *array)
{
    size_t length = 0;
    for (const cp_json *item = cp_json_first(array); item; item = cp_json_next(item))
        length++;
    return length;
}

static cp_status read_entries(const cp_json *array, cp_users_page *out)
{
    for (const cp_json *item = cp_json_first(array); item; item = cp_json_next(item)) {
        cp_status status = cp_presence_read(item, &out->users[out->count]);
        if (status == CP_ERR_NOMEM)
            return status;
        if (status == CP_OK)
            out->count++;
        else
            out->skipped++;
    }
    return CP_OK;
}

static int read_page_number(const cp_json *pagination, const char *name)
{
    int64_t number = cp_json_count(cp_json_member(pagination, name));
    if (number == CP_ABSENT)
        return 0;
    return number < INT_MAX ? (int)number : INT_MAX;
}

static cp_status read_page(const cp_json *document, const cp_json *data, cp_users_page *out,
                           cp_failure *failure)
{
    const cp_json *pagination = cp_json_member(cp_json_member(document, "meta"), "pagination");
    size_t length = length_of(data);
    if (cp_json_type_of(data) != CP_JSON_ARRAY)
        return unusable(failure, "is no list of users");
    if (length > PAGE_MAX)
        return unusable(failure, "has far more users than were asked for");
    out->total = read_page_number(pagination, "total");
    out->total_pages = read_page_number(pagination, "total_pages");
    out->current_page = read_page_number(pagination, "current_page");
    if (length == 0)
        return CP_OK;
    out->users = calloc(length, sizeof *out->users);
    if (!out->users || read_entries(data, out) != CP_OK)
        return cp_failure_no_memory(failure);
    return CP_OK;
}

cp_status cp_rest_read_users(const cp_http_answer *answer, cp_users_page *out, cp_failure *failure)
{
    cp_json *document;
    const cp_json *data;
    *out = (cp_users_page){0};
    cp_status status = open_answer(answer, TO_USE, &document, &data, failure);
    if (status == CP_OK)
        status = read_page(document, data, out, failure);
    if (status != CP_OK)
        cp_users_page_destroy(out);
    cp_json_free(document);
    return status;
}

void cp_users_page_destroy(cp_users_page *self)
{
    for (size_t i = 0; i < self->count; i++)
        cp_presence_destroy(&self->users[i]);
    free(self->users);
    *self = (cp_users_page){0};
}

/* ---- how long to wait */

/* Whole or decimal seconds; CP_ABSENT for anything else.  Saturates far
 * above any time there is. */
static cp_usec read_seconds(cp_slice text)
{
    const cp_usec most = INT64_C(8000000000000) * CP_USEC_PER_SEC;
    cp_usec value = 0, unit = CP_USEC_PER_SEC;
    bool in_fraction = false, has_digits = false;
    for (size_t i = 0; i < text.length; i++) {
        char byte = text.data[i];
        if (byte == '.' && has_digits && !in_fraction) {
            in_fraction = true;
            continue;
        }
        if (byte < '0' || byte > '9')
            return CP_ABSENT;
        has_digits = true;
        if (in_fraction)
            value += (byte - '0') * (unit /= 10);
        else
            value = value < most / 10 ? value * 10 + (byte - '0') * unit : most;
    }
    return has_digits ? value : CP_ABSENT;
}

static cp_slice trim(cp_slice text)
{
    while (text.length > 0 && text.data[0] == ' ')
        text = (cp_slice){text.data + 1, text.length - 1};
    while (text.length > 0 && text.data[text.length - 1] == ' ')
        text.length--;
    return text;
}

/* From now on, whether the server says for how long or until when. */
static cp_usec wait_of(cp_slice text, int64_t unix_s)
{
    cp_usec wait = read_seconds(trim(text));
    int64_t until = cp_http_date_read(trim(text));
    if (wait != CP_ABSENT && wait / CP_USEC_PER_SEC > INSTANT_ABOVE)
        until = cp_seconds_of(wait / CP_USEC_PER_SEC);
    if (until != CP_ABSENT)
        wait = unix_s <= 0 ? CP_ABSENT : (until - unix_s) * CP_USEC_PER_SEC;
    if (wait == CP_ABSENT)
        return CP_ABSENT;
    if (wait < 0)
        return 0;
    return wait < WAIT_MAX ? wait : WAIT_MAX;
}

cp_usec cp_rest_wait_asked(const cp_http_answer *answer, int64_t unix_s)
{
    cp_usec wait = wait_of(answer->retry_after, unix_s);
    if (wait == CP_ABSENT && cp_slice_is(trim(answer->quota_remaining), "0"))
        wait = wait_of(answer->quota_reset, unix_s);
    return wait;
}
