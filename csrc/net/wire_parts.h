#ifndef CP_NET_WIRE_PARTS_H
#define CP_NET_WIRE_PARTS_H

#include "net/inherited.h"
#include "net/resolver.h"
#include "net/wire.h"

/* What a wire is made of, shared by its two halves: wire.c (what we do with it) and
 * wire_callback.c (what lws tells of it). */

struct cp_wire {
    cp_loop *loop;
    const cp_wire_face *face;
    void *owner; /* NULL: told, or not interested any more */

    cp_target target;
    char authority[160]; /* for Host; lws takes name of server and certificate from it */
    char *ca_file, *path, *method;
    cp_buffer headers; /* secrets among them */
    bool upgrades;
    cp_usec deadline;

    cp_lookup *lookup;
    cp_addresses addresses;
    unsigned next_address;
    cp_turn turn; /* to connect, from the first address to the answer */

    struct lws *wsi; /* NULL: lws holds nothing of ours */
    cp_inherited *inherited;
    bool is_starting;  /* inside lws's connect call, which may call back and still fail */
    bool is_connected; /* TCP and TLS stand: no further address is tried */
    bool is_answered;
    bool is_dropped; /* lws was told to end this wsi */
    bool is_ending;
    cp_failure failure; /* the first one wins */

    cp_buffer unsent; /* LWS_PRE bytes of room, then what is to be written */
    bool has_body;    /* it is the request's, and lws is to be told */
    cp_timer axe;    /* lifted until lws lets go */
    cp_timer alarm;  /* patience with an address, or the deadline */
    cp_timer finale; /* telling the owner, from the event loop */
};

/* wire.c */
void cp_wire_fail(cp_wire *self, cp_failure_kind kind, const char *code, const char *words);
void cp_wire_remember(cp_wire *self, const cp_failure *failure); /* unless there was one before */
void cp_wire_end(cp_wire *self);                                 /* ended() follows */
void cp_wire_set_alarm(cp_wire *self, cp_usec at);
void cp_wire_address_is_over(cp_wire *self); /* lws holds nothing of this address any more */
void cp_wire_leave_gate(cp_wire *self); /* it has connected, or gave up */
size_t cp_wire_unsent(const cp_wire *self);
void cp_wire_forget_unsent(cp_wire *self);

#endif
