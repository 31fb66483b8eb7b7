#ifndef CP_CORE_FAST_FRAME_H
#define CP_CORE_FAST_FRAME_H

#include "core/json_reader.h"
#include "core/user.h"

/* A presence frame of the shape that servers send (PROTOCOL §4.3), read in one pass and
 * without a tree.  cp_frame_read() is who knows what a frame means: this is a shortcut that
 * says the same as it does, or nothing. */
typedef struct cp_fast_frame {
    bool is_echo;
    cp_presence_status status; /* ONLINE or OFFLINE */
    int64_t at;                /* Unix seconds, or CP_ABSENT */
    cp_user_fields user;       /* lent by the text and the room */
} cp_fast_frame;

/* Of each name, the one that came after it the last time; all 0 at first.  A server writes
 * members in the same order each time: then one look at each tells that it is as expected. */
#define CP_NAMES 22
typedef struct cp_name_order {
    uint8_t after[CP_NAMES];
} cp_name_order;

/* A longer one is left to the parser of record: so no profile is ever trimmed here, and the
 * room is on nobody's mind. */
#define CP_FAST_FRAME_MOST (CP_USER_PROFILE_LIMIT / CP_JSON_WIDENED)
#define CP_FAST_FRAME_ROOM (CP_FAST_FRAME_MOST * CP_JSON_WIDENED)

/* False: it gave up on this one, which says nothing about it. */
bool cp_fast_frame_read(cp_slice text, cp_slice session_id, cp_name_order *order,
                        char room[CP_FAST_FRAME_ROOM], cp_fast_frame *out);

#endif
