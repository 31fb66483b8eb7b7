#ifndef CP_CORE_HTTP_H
#define CP_CORE_HTTP_H

#include <stdint.h>

#include "core/buffer.h"
#include "core/failure.h"
#include "core/target.h"

/* One HTTP exchange as the core sees it: a request it wants made, and how that ended.
 * The transport adds Host, Content-Length and nothing else, follows no redirect, and
 * cuts a body at CP_HTTP_BODY_LIMIT (reported as CP_FAILURE_PROTOCOL). */
#define CP_HTTP_BODY_LIMIT (4 * 1024 * 1024)
#define CP_HTTP_HEADERS 12

typedef struct cp_http_header {
    const char *name; /* without colon; static */
    char *value;      /* owned, no CR or LF */
} cp_http_header;

typedef struct cp_http_request {
    uint64_t ticket;    /* given back with the answer */
    const char *method; /* "GET", "POST", "PUT", "DELETE"; static */
    cp_target target;
    cp_buffer path; /* target.prefix, path and query */
    cp_http_header header[CP_HTTP_HEADERS];
    unsigned headers;
    cp_buffer body;   /* empty: none */
    cp_usec deadline; /* an instant */
} cp_http_request;

void cp_http_request_init(cp_http_request *self);
void cp_http_request_destroy(cp_http_request *self); /* wipes: headers carry secrets */

/* Copies the value.  CP_ERR_ARGUMENT: absent, has control bytes, or there is no place left. */
cp_status cp_http_request_add(cp_http_request *self, const char *name, cp_slice value);

typedef struct cp_http_answer {
    uint64_t ticket;
    cp_failure failure; /* kind NONE: the server answered; else the transport failed */
    int status;
    cp_slice body;
    cp_slice retry_after;     /* header values; absent when not sent */
    cp_slice quota_remaining; /* either spelling */
    cp_slice quota_reset;
} cp_http_answer;

#endif
