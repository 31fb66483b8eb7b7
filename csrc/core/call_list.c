#include "core/call_list.h"

void cp_call_list_init(cp_call_list *self)
{
    self->first = NULL;
    self->last = &self->first;
}

void cp_call_list_push(cp_call_list *self, cp_call *call)
{
    call->next = NULL;
    *self->last = call;
    self->last = &call->next;
}

cp_call *cp_call_list_unlink(cp_call_list *self, cp_call **link)
{
    cp_call *call = *link;

    *link = call->next;
    if (self->last == &call->next)
        self->last = link;
    call->next = NULL;
    return call;
}

cp_call *cp_call_list_pop(cp_call_list *self)
{
    return self->first ? cp_call_list_unlink(self, &self->first) : NULL;
}

bool cp_call_list_remove(cp_call_list *self, const cp_call *call)
{
    for (cp_call **link = &self->first; *link != NULL; link = &(*link)->next) {
        if (*link == call) {
            (void)cp_call_list_unlink(self, link); /* it is the caller's already */
            return true;
        }
    }
    return false;
}
