#ifndef CP_PY_BULLETIN_H
#define CP_PY_BULLETIN_H

#include "py/client.h"

/* What is told, in one kind's words. */
typedef struct bulletin {
    listener_kind kind;
    size_t count;
    PyObject *argument[2];
} bulletin;

/* Of all but CP_NOTICE_ERROR; gives the arguments.  One is NULL, with an exception, when it
 * could not be made. */
void read_notice(core_state *state, const cp_notice *notice, bulletin *out);

#endif
