#include "core/notice.h"

#include <stdlib.h>

struct cp_noted {
    cp_notice notice;
    struct cp_noted *next;
};

void cp_notice_destroy(cp_notice *self)
{
    cp_presence_destroy(&self->user);
    cp_sync_report_destroy(&self->report);
    *self = (cp_notice){0};
}

void cp_notices_init(cp_notices *self)
{
    *self = (cp_notices){0};
    self->last = &self->first;
}

static void take_oldest(cp_notices *self, cp_notice *out)
{
    struct cp_noted *oldest = self->first;

    *out = oldest->notice;
    self->first = oldest->next;
    if (self->first == NULL)
        self->last = &self->first;
    self->count--;
    free(oldest);
}

static void drop_oldest(cp_notices *self)
{
    cp_notice gone;

    take_oldest(self, &gone);
    cp_notice_destroy(&gone);
    self->dropped++;
}

void cp_notices_destroy(cp_notices *self)
{
    while (self->count > 0)
        drop_oldest(self);
    cp_notices_init(self);
}

void cp_notices_post(cp_notices *self, cp_notice *notice)
{
    struct cp_noted *noted = malloc(sizeof *noted);

    if (noted == NULL) {
        cp_notice_destroy(notice);
        self->dropped++;
        return;
    }
    if (self->count == CP_NOTICES)
        drop_oldest(self);
    *noted = (struct cp_noted){.notice = *notice};
    *self->last = noted;
    self->last = &noted->next;
    self->count++;
    *notice = (cp_notice){0};
}

bool cp_notices_is_due(const cp_notices *self, uint64_t popped)
{
    return self->first != NULL && self->first->notice.after <= popped;
}

bool cp_notices_next(cp_notices *self, uint64_t popped, cp_notice *out)
{
    if (!cp_notices_is_due(self, popped))
        return false;
    take_oldest(self, out);
    return true;
}
