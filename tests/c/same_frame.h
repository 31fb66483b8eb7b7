/* A frame is read by a shortcut where there is one, and by the parser of record: whether the
 * two said the same. */
#ifndef SAME_FRAME_H
#define SAME_FRAME_H

#include "core/frame.h"

static inline bool same_presence(const cp_presence *a, const cp_presence *b)
{
    if ((a->user == NULL) != (b->user == NULL))
        return false;
    return a->status == b->status && a->at == b->at && a->last_active_at == b->last_active_at &&
           (a->user == NULL || cp_user_equal(a->user, b->user));
}

static inline bool same_frame(const cp_frame *a, const cp_frame *b)
{
    return a->kind == b->kind && a->is_echo == b->is_echo && a->accepted == b->accepted &&
           a->trimmed == b->trimmed && strcmp(a->auth_code, b->auth_code) == 0 &&
           strcmp(a->auth_status, b->auth_status) == 0 && same_presence(&a->presence, &b->presence);
}

/* False: they differ in the status or in a field.  *out is the shortcut's status. */
static inline bool reader_agrees(cp_frame_reader *reader, cp_slice text, cp_status *out)
{
    cp_frame fast, record;
    cp_status status = cp_frame_parse(text, reader->session_id, &record);

    *out = cp_frame_read(reader, text, &fast);
    bool agree = *out == status && same_frame(&fast, &record);
    cp_frame_destroy(&fast);
    cp_frame_destroy(&record);
    return agree;
}

/* So does a reader that knows nothing, and one that knows in which order the names come. */
static inline bool both_roads_agree(cp_slice text, cp_slice session_id, cp_status *out)
{
    cp_frame_reader reader = {.session_id = session_id};
    return reader_agrees(&reader, text, out) && reader_agrees(&reader, text, out);
}

#endif
