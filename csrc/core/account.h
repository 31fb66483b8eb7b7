#ifndef CP_CORE_ACCOUNT_H
#define CP_CORE_ACCOUNT_H

#include "core/config.h"
#include "core/json.h"
#include "core/target.h"
#include "core/user.h"

/* Who is logged in, with which tokens, and where this app's servers are: what login
 * learned (PROTOCOL §2, §3).  Owned by the session; wiped when the login ends. */
typedef struct cp_account {
    const cp_config *config;
    char *uid;        /* NULL: nobody is logged in */
    char *auth_token; /* secret */
    char *jwt;        /* secret */
    unsigned tokens;  /* how many it has had: a refusal of an older one says nothing of this */
    cp_presence me;   /* me.user NULL: nobody is logged in */

    /* From the server's settings; "" and 0 where it sent none. */
    char admin_host[256], client_host[256], chat_host[256];
    uint16_t chat_port;
    char api_version[16], socket_api_version[16]; /* never "" */
    unsigned family; /* which of the redundant host families is tried, see rotate() */
} cp_account;

#define CP_API_VERSION "v3.0" /* the one this library was written for */
#define CP_SOCKET_API_VERSION "v1.0"

void cp_account_init(cp_account *self, const cp_config *config);
void cp_account_forget(cp_account *self); /* logout: wipes tokens, user and settings */

/* The `data` of PUT me or GET me.  CP_ERR_MALFORMED when it is no user, or when a token or
 * a setting is unusable.  All is learned or nothing; what is absent stays as it was. */
cp_status cp_account_learn(cp_account *self, const cp_json *data);
cp_status cp_account_set_token(cp_account *self, cp_slice auth_token); /* copies */
bool cp_account_takes_token(cp_slice auth_token); /* set_token() would: a header can carry it */

typedef enum cp_service {
    CP_SERVICE_ADMIN,  /* needs the auth key */
    CP_SERVICE_CLIENT, /* needs the auth token */
    CP_SERVICE_SOCKET,
    CP_SERVICE_COUNT, /* the online count, on the chat host without its port */
} cp_service;

/* Where a service is now, version segment included in the prefix.  CP_ERR_ARGUMENT when
 * settings or overrides give no usable host, or a plain one that is not allowed. */
cp_status cp_account_target(const cp_account *self, cp_service service, cp_target *out);

/* The next of the platform's three host families, when hosts are neither overridden nor
 * given by settings (PROTOCOL §8). */
void cp_account_rotate(cp_account *self);

#endif
