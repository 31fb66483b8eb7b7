#ifndef CP_NET_NETWORK_PARTS_H
#define CP_NET_NETWORK_PARTS_H

#include <pthread.h>

#include "net/helm.h"
#include "net/loop.h"

/* What the network thread is made of, shared by its two files: network.c (how it begins, turns
 * and ends) and guests.c (who lives on it, and turns it meanwhile). */

struct cp_loop {
    pthread_t thread;
    cp_vhosts vhosts;
    cp_silent silent;
    cp_alarm alarm;
    cp_timer pulse;
    cp_gate gate; /* for those that connect */
    /* Under the network's lock; set by the thread, which reads it without: */
    struct lws_context *context; /* NULL: not made yet, or gone */
    unsigned wires; /* the thread's alone */
    /* Under the network's lock: */
    cp_guest *guests;
    cp_guest *knocking, **last_knocking;
    bool is_leaving; /* everybody was told to */
    cp_helm helm;
    cp_loop *next; /* of those that ended, or are parked */
    unsigned char room[LWS_PRE + CP_LOOP_SCRATCH];
};

/* What the process knows of its network thread.  A thread that has nobody left is no
 * longer `current`, and ends by itself while the next one may already be running. */
struct cp_network {
    pthread_mutex_t lock;
    pthread_cond_t begun; /* a thread has its context, or will have none */
    pthread_cond_t fewer; /* threads */
    unsigned threads;
    cp_loop *current;
    cp_loop *ended; /* to be joined */
    cp_loop *parked; /* without a thread, for the next one */
};

extern struct cp_network cp_network;

/* guests.c, whoever turns the loop: before lws sleeps. */
void cp_loop_serve_due(cp_loop *self);
/* Under the lock. */
void cp_loop_knocked(cp_guest *guest); /* on guest->loop */

#endif
