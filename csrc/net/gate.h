#ifndef CP_NET_GATE_H
#define CP_NET_GATE_H

#include <stdbool.h>

#include "net/timers.h"

/* So many connect at once, and no more: the others wait, first come, first served.  What lws
 * does while one connects takes time in proportion to all that do, so thousands at once would
 * take minutes for what they do in seconds one after another.  The network thread's. */
#define CP_GATE_ROOM 256

typedef struct cp_turn {
    struct cp_turn *next, **link; /* of those that wait; link NULL: it does not */
    bool is_in;
    void (*enter)(struct cp_turn *self);
} cp_turn;

typedef struct cp_gate {
    unsigned inside;
    cp_turn *first, **last;
    cp_timer usher; /* the owner's, to let others in from the event loop */
} cp_gate;

void cp_gate_init(cp_gate *self);
/* True: it may go on at once; false: enter() is called once it may. */
bool cp_gate_ask(cp_gate *self, cp_turn *turn, void (*enter)(cp_turn *));
/* It is through, or gave up waiting; legal at any time.  True: others may be let in. */
bool cp_gate_leave(cp_gate *self, cp_turn *turn);
void cp_gate_let_in(cp_gate *self); /* all for whom there is room */

#endif
