#ifndef CP_CORE_USER_H
#define CP_CORE_USER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/slice.h"
#include "core/status.h"

/* Who somebody is: an immutable profile in one piece of memory, shared by counting.
 * hold() and release() may be called from any thread; the rest never changes. */
typedef struct cp_user cp_user;

typedef enum cp_user_text {
    CP_USER_UID, /* never absent, never empty */
    CP_USER_NAME,
    CP_USER_AVATAR,
    CP_USER_LINK,
    CP_USER_ROLE,
    CP_USER_STATUS_MESSAGE,
    CP_USER_TAGS,     /* raw JSON, an array */
    CP_USER_METADATA, /* raw JSON, an object */
    CP_USER_TEXTS,
} cp_user_text;

typedef enum cp_user_number {
    CP_USER_DEACTIVATED_AT,
    CP_USER_CREATED_AT,
    CP_USER_UPDATED_AT,
    CP_USER_NUMBERS,
} cp_user_number;

typedef struct cp_user_fields {
    cp_slice text[CP_USER_TEXTS];
    int64_t number[CP_USER_NUMBERS]; /* Unix seconds, or CP_ABSENT */
    bool blocked_by_me;
    bool has_blocked_me;
} cp_user_fields;

/* A profile whose texts are longer than this keeps its named fields and loses tags and
 * metadata. */
#define CP_USER_PROFILE_LIMIT (16 * 1024)

/* Copies; NULL: no memory.  `trimmed` NULL: the profile is kept whole, however large. */
cp_user *cp_user_new(const cp_user_fields *given, bool *trimmed);
cp_user *cp_user_hold(cp_user *self);
void cp_user_release(cp_user *self); /* NULL is legal */

cp_slice cp_user_text_of(const cp_user *self, cp_user_text which); /* lent as long as held */
int64_t cp_user_number_of(const cp_user *self, cp_user_number which);
bool cp_user_blocked_by_me(const cp_user *self);
bool cp_user_has_blocked_me(const cp_user *self);
bool cp_user_equal(const cp_user *a, const cp_user *b);
bool cp_user_has(const cp_user *self, const cp_user_fields *fields); /* these, and no others */

/* Presence of one user at one time. */
typedef enum cp_presence_status {
    CP_UNKNOWN,
    CP_OFFLINE,
    CP_ONLINE,
} cp_presence_status;

typedef struct cp_presence {
    cp_user *user; /* counted */
    cp_presence_status status;
    int64_t last_active_at; /* Unix seconds as the server sent them, or CP_ABSENT */
    int64_t at;             /* server's time of the change, Unix seconds, or CP_ABSENT */
} cp_presence;

void cp_presence_destroy(cp_presence *self);

/* Before it is kept for long: true when the profile had to lose tags and metadata. */
bool cp_presence_trim(cp_presence *self);

/* A user of a REST answer or a frame (PROTOCOL §3.5), kept whole.  A bare string is a uid, a
 * number becomes its decimal string.  CP_ERR_MALFORMED without a usable uid.  Values over
 * 10^11 are milliseconds and become seconds. */
cp_status cp_presence_read(const cp_json *user, cp_presence *out);

/* The same for a user in a frame.  Blocking is not told there, so both flags are false;
 * status and times are the frame's to say, so they are unknown and absent. */
cp_status cp_presence_read_pushed(const cp_json *user, cp_presence *out, bool *trimmed);

/* The server's words for a status: absent, empty and "offline" are offline, any other is
 * online (PROTOCOL §3.5). */
cp_presence_status cp_presence_status_of(cp_slice word);

/* Seconds from a server's time, which may be milliseconds. */
int64_t cp_seconds_of(int64_t server_time);

#endif
