#include "net/silent.h"

#include <stdio.h>
#include <string.h>

#define REMEMBERED (60 * CP_USEC_PER_SEC)

void cp_silent_add(cp_silent *self, const char *address, cp_usec now)
{
    unsigned at = self->next++ % CP_SILENT_KEPT;

    snprintf(self->kept[at].address, sizeof self->kept[at].address, "%s", address);
    self->kept[at].until = now + REMEMBERED;
}

bool cp_silent_has(const cp_silent *self, const char *address, cp_usec now)
{
    for (unsigned i = 0; i < CP_SILENT_KEPT; i++) {
        if (now < self->kept[i].until && strcmp(self->kept[i].address, address) == 0)
            return true;
    }
    return false;
}

void cp_silent_put_last(const cp_silent *self, cp_addresses *addresses, cp_usec now)
{
    const cp_addresses before = *addresses;
    unsigned at = 0;

    for (int silent = 0; silent <= 1; silent++) {
        for (unsigned i = 0; i < before.count; i++) {
            if (cp_silent_has(self, before.text[i], now) == (silent == 1))
                memcpy(addresses->text[at++], before.text[i], CP_ADDRESS_TEXT);
        }
    }
}
