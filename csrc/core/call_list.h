#ifndef CP_CORE_CALL_LIST_H
#define CP_CORE_CALL_LIST_H

#include <stdbool.h>

#include "core/call.h"

/* Calls one after the other, linked through themselves, so that joining needs no memory.  A
 * call stands in one list at a time.  A list points into itself: it stays where it is. */
typedef struct cp_call_list {
    cp_call *first;
    cp_call **last;
} cp_call_list;

void cp_call_list_init(cp_call_list *self);
void cp_call_list_push(cp_call_list *self, cp_call *call); /* takes */
cp_call *cp_call_list_pop(cp_call_list *self);             /* gives; NULL: empty */
cp_call *cp_call_list_unlink(cp_call_list *self, cp_call **link);
bool cp_call_list_remove(cp_call_list *self, const cp_call *call); /* false: not in it */

#endif
