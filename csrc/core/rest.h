#ifndef CP_CORE_REST_H
#define CP_CORE_REST_H

#include "core/account.h"
#include "core/http.h"

/* The REST calls of the presence path (PROTOCOL §3), as text: requests written, answers
 * read.  Everything here is pure; who calls what when is the session's. */

/* Filters of the user list, in the vendor's vocabulary (PROTOCOL §3.4). */
typedef struct cp_users_query {
    int limit; /* 1 … 100; 0: not set, which is an error */
    int page;  /* 1 … */
    char *search_keyword;
    char **search_in; /* lists are NULL-terminated, NULL when not given */
    char *status;     /* "online", "offline" or "available" */
    char **roles;
    char **tags;
    char **uids; /* at most 25 */
    char *sort_by;
    char *sort_order;
    bool friends_only;
    bool hide_blocked_users;
    bool with_tags;
} cp_users_query;

#define CP_USERS_LIMIT_MAX 100
#define CP_USERS_UIDS_MAX 25

void cp_users_query_init(cp_users_query *self);
void cp_users_query_destroy(cp_users_query *self);
cp_status cp_users_query_check(const cp_users_query *self, cp_failure *failure);

/* Requests.  Each fills an initialised `out`; CP_ERR_ARGUMENT when a value cannot be sent
 * (control bytes, an empty uid), with the failure saying which. */
cp_status cp_rest_check_login(cp_slice uid, cp_slice auth_key, cp_failure *failure); /* alone */
cp_status cp_rest_create_token(const cp_account *account, cp_slice uid, cp_slice auth_key,
                               cp_http_request *out, cp_failure *failure);
cp_status cp_rest_put_me(const cp_account *account, cp_http_request *out, cp_failure *failure);
cp_status cp_rest_get_me(const cp_account *account, cp_http_request *out, cp_failure *failure);
cp_status cp_rest_delete_me(const cp_account *account, cp_http_request *out, cp_failure *failure);
cp_status cp_rest_get_user(const cp_account *account, cp_slice uid, cp_http_request *out,
                           cp_failure *failure);
cp_status cp_rest_get_users(const cp_account *account, const cp_users_query *query,
                            cp_http_request *out, cp_failure *failure);
cp_status cp_rest_count_online(const cp_account *account, cp_http_request *out,
                               cp_failure *failure);

/* Answers.  The body decides, not the HTTP status.  Each returns CP_OK, or an error with
 * `failure` set:
 *   the transport's own, as it was;
 *   CP_FAILURE_AUTH      the server's code: any refusal of a token or of me, else its
 *                        AUTH_ERR_… and ERR_NO_AUTH, 401 and 403;
 *   CP_FAILURE_RATE_LIMITED  429 or the server's word for it, with the wait it asks for;
 *   CP_FAILURE_SERVER    the server's code; "HTTP_503" when there is no JSON to tell it;
 *   CP_FAILURE_PROTOCOL  "FAILED_TO_FETCH": a redirect, or a body that is of no use. */
cp_status cp_rest_read_token(const cp_http_answer *answer, cp_buffer *auth_token,
                             cp_failure *failure);
cp_status cp_rest_read_me(const cp_http_answer *answer, cp_account *account, cp_failure *failure);
cp_status cp_rest_read_done(const cp_http_answer *answer, cp_failure *failure);
cp_status cp_rest_read_user(const cp_http_answer *answer, cp_presence *out, cp_failure *failure);

typedef struct cp_users_page {
    cp_presence *users; /* owned */
    size_t count;
    size_t skipped;   /* entries that were no user */
    int total;        /* of all pages; 0: the answer did not say */
    int total_pages;  /* likewise */
    int current_page; /* 0: likewise */
} cp_users_page;

cp_status cp_rest_read_users(const cp_http_answer *answer, cp_users_page *out, cp_failure *failure);
void cp_users_page_destroy(cp_users_page *self);
cp_status cp_rest_read_count(const cp_http_answer *answer, int64_t *out, cp_failure *failure);

/* How long the server asks to wait, at most an hour: Retry-After, in seconds or as a date, or
 * an exhausted quota's reset; CP_ABSENT when it asks nothing.  `unix_s` turns
 * an instant into a wait; 0: not known. */
cp_usec cp_rest_wait_asked(const cp_http_answer *answer, int64_t unix_s);

/* The server no longer knows our auth token, or the jwt. */
bool cp_rest_is_token_lost(const cp_failure *failure);

/* Servers quote what they refuse: takes a secret out of code, message and details, also
 * where their end cuts it off.  NULL is no secret, nor is anything of less than 4 bytes. */
void cp_rest_hide(cp_failure *failure, const char *secret);

#endif
