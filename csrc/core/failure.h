#ifndef CP_CORE_FAILURE_H
#define CP_CORE_FAILURE_H

#include "core/clock.h"
#include "core/status.h"

/* Why something did not work, in words for a person and a code for a program.  The kind
 * decides the exception class (DESIGN §8); the code is the vendor's where there is one.
 * Never holds a secret. */
typedef enum cp_failure_kind {
    CP_FAILURE_NONE,
    CP_FAILURE_CONFIG,
    CP_FAILURE_AUTH,
    CP_FAILURE_TLS,
    CP_FAILURE_NOT_CONNECTED,
    CP_FAILURE_CONNECTION_LOST,
    CP_FAILURE_TIMEOUT,
    CP_FAILURE_RATE_LIMITED,
    CP_FAILURE_PROTOCOL,
    CP_FAILURE_CLOSED,
    CP_FAILURE_SERVER, /* the server's error that is none of the above */
    CP_FAILURE_MEMORY,
} cp_failure_kind;

typedef struct cp_failure {
    cp_failure_kind kind;
    cp_usec retry_after; /* CP_FAILURE_RATE_LIMITED */
    char code[64];
    char message[256];
    char details[256]; /* the server's, raw; "" when it sent none */
} cp_failure;

void cp_failure_set(cp_failure *self, cp_failure_kind kind, const char *code, const char *format,
                    ...) __attribute__((format(printf, 4, 5)));

/* An argument of the caller's is no good: CP_FAILURE_CONFIG, "The <what> <why>."  Returns
 * CP_ERR_ARGUMENT, so that a check can end with it. */
cp_status cp_failure_refuse(cp_failure *self, const char *code, const char *what, const char *why);

/* CP_FAILURE_MEMORY; returns CP_ERR_NOMEM. */
cp_status cp_failure_no_memory(cp_failure *self);

#endif
