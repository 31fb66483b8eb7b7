#ifndef CP_NET_SILENT_H
#define CP_NET_SILENT_H

#include <stdbool.h>

#include "core/clock.h"
#include "net/resolver.h"

/* The addresses that did not answer lately.  A name that leads to one of them and to
 * others is tried at the others first, or every request would wait for it anew. */
#define CP_SILENT_KEPT 8 /* the oldest is forgotten */

typedef struct cp_silent {
    struct {
        char address[CP_ADDRESS_TEXT];
        cp_usec until;
    } kept[CP_SILENT_KEPT];
    unsigned next;
} cp_silent; /* all zero: none */

void cp_silent_add(cp_silent *self, const char *address, cp_usec now);
bool cp_silent_has(const cp_silent *self, const char *address, cp_usec now);
/* Moves them to the end; each group keeps its order. */
void cp_silent_put_last(const cp_silent *self, cp_addresses *addresses, cp_usec now);

#endif
