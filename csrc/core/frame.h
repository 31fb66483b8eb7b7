#ifndef CP_CORE_FRAME_H
#define CP_CORE_FRAME_H

#include "core/fast_frame.h"
#include "core/json.h"
#include "core/roster.h"
#include "core/user.h"

/* A message from the server's socket, read (PROTOCOL §4.3), and the ones we send, written
 * (§4.2). */
typedef enum cp_frame_kind {
    CP_FRAME_AUTH,
    CP_FRAME_PRESENCE,
    CP_FRAME_PONG,
    CP_FRAME_IGNORED, /* a type that is not about presence, or presence that says nothing */
    CP_FRAME_UNKNOWN,
} cp_frame_kind;

typedef struct cp_frame {
    cp_frame_kind kind;
    bool is_echo;         /* our own session caused it; never set for auth answers and pongs */
    bool accepted;        /* CP_FRAME_AUTH: the exact pair "200" and "OK" */
    char auth_code[64];   /* CP_FRAME_AUTH: what it said, cut to fit */
    char auth_status[64]; /* likewise */
    cp_presence presence; /* CP_FRAME_PRESENCE: status ONLINE or OFFLINE */
    bool trimmed;         /* the profile lost tags and metadata */
} cp_frame;

/* What one who reads frames knows beforehand; all but the order is lent. */
typedef struct cp_frame_reader {
    cp_slice session_id; /* our own */
    cp_roster *known; /* a profile that it has as it is now is held again, not made anew; or NULL */
    cp_name_order order; /* of the frames so far */
} cp_frame_reader;

/* CP_OK, or an error and an empty frame; never both. */
cp_status cp_frame_read(cp_frame_reader *self, cp_slice text, cp_frame *out);
/* The same without the shortcut for presence: what it has to agree with. */
cp_status cp_frame_parse(cp_slice text, cp_slice session_id, cp_frame *out);
void cp_frame_destroy(cp_frame *self);

typedef enum cp_subscription {
    CP_SUBSCRIBE_NONE,
    CP_SUBSCRIBE_ALL_USERS,
    CP_SUBSCRIBE_ROLES,
    CP_SUBSCRIBE_FRIENDS,
} cp_subscription;

typedef struct cp_auth_frame {
    cp_slice app_id, uid, jwt, session_id, device_id, version, api_version;
    cp_subscription subscription;
    const char *const *roles; /* NULL-terminated; CP_SUBSCRIBE_ROLES only */
    int64_t unix_ms;
} cp_auth_frame;

void cp_frame_write_auth(const cp_auth_frame *auth, cp_buffer *out);
void cp_frame_write_ping(cp_buffer *out);

#endif
