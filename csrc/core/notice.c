#include "core/notice.h"

void cp_notice_destroy(cp_notice *self)
{
    cp_presence_destroy(&self->user);
    cp_sync_report_destroy(&self->report);
    *self = (cp_notice){0};
}

void cp_notices_init(cp_notices *self)
{
    *self = (cp_notices){0};
}

/* Lends the oldest one, which leaves the ring. */
static cp_notice *leave(cp_notices *self)
{
    cp_notice *oldest = &self->ring[self->first];
    self->first = (self->first + 1) % CP_NOTICES;
    self->count--;
    return oldest;
}

void cp_notices_destroy(cp_notices *self)
{
    while (self->count > 0)
        cp_notice_destroy(leave(self));
    cp_notices_init(self);
}

void cp_notices_post(cp_notices *self, cp_notice *notice)
{
    if (self->count == CP_NOTICES) {
        cp_notice_destroy(leave(self));
        self->dropped++;
    }
    self->ring[(self->first + self->count) % CP_NOTICES] = *notice;
    self->count++;
    *notice = (cp_notice){0};
}

bool cp_notices_next(cp_notices *self, uint64_t popped, cp_notice *out)
{
    if (self->count == 0 || self->ring[self->first].after > popped)
        return false;
    *out = *leave(self);
    return true;
}
