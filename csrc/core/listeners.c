#include "core/listeners.h"

#include <stdlib.h>
#include <string.h>

/* The listeners are a plain list, and rounds in progress are known to it: taking a
 * listener out moves the rounds that stand before it on.  So removing needs no memory and
 * nothing of a removed listener stays behind, however long a round takes. */
typedef struct cp_listener cp_listener;

struct cp_listener {
    cp_listener *next, *previous;
    void *target;
    uint64_t number; /* counts up along the list */
    unsigned holds;  /* the list's, and one of each round that is telling it */
    uint32_t wants;
    size_t id_length;
    char id[];
};

struct cp_listeners {
    cp_listener_release release;
    cp_listener *first, *last;
    cp_delivery *rounds;
    uint64_t newest;
};

cp_listeners *cp_listeners_new(cp_listener_release release)
{
    cp_listeners *self = calloc(1, sizeof *self);
    if (self)
        self->release = release;
    return self;
}

static cp_listener *new_listener(cp_slice id, uint32_t wants, void *target)
{
    cp_listener *listener = malloc(sizeof *listener + id.length);
    if (!listener)
        return NULL;
    *listener = (cp_listener){.target = target, .holds = 1, .wants = wants, .id_length = id.length};
    if (id.length)
        memcpy(listener->id, id.data, id.length);
    return listener;
}

/* May call back into us, and even free the list: the last act of whoever calls it. */
static void let_go(cp_listener *listener, cp_listener_release release)
{
    if (!listener || --listener->holds > 0)
        return;
    void *target = listener->target;
    free(listener);
    release(target);
}

static cp_listener *find(const cp_listeners *self, cp_slice id)
{
    cp_listener *each = self->first;
    while (each && !cp_slice_equal(id, (cp_slice){each->id, each->id_length}))
        each = each->next;
    return each;
}

static void append(cp_listeners *self, cp_listener *listener)
{
    listener->number = ++self->newest;
    listener->previous = self->last;
    *(self->last ? &self->last->next : &self->first) = listener;
    self->last = listener;
}

static void take_out(cp_listeners *self, cp_listener *listener)
{
    for (cp_delivery *round = self->rounds; round; round = round->outer)
        if (round->next == listener)
            round->next = listener->next;
    *(listener->previous ? &listener->previous->next : &self->first) = listener->next;
    *(listener->next ? &listener->next->previous : &self->last) = listener->previous;
}

cp_status cp_listeners_add(cp_listeners *self, cp_slice id, uint32_t wants, void *target)
{
    cp_listener *listener = new_listener(id, wants, target);
    if (!listener)
        return CP_ERR_NOMEM;

    cp_listener *replaced = find(self, id);
    if (replaced)
        take_out(self, replaced);
    append(self, listener);
    let_go(replaced, self->release);
    return CP_OK;
}

bool cp_listeners_remove(cp_listeners *self, cp_slice id)
{
    cp_listener *listener = find(self, id);
    if (!listener)
        return false;
    take_out(self, listener);
    let_go(listener, self->release);
    return true;
}

/* The whole chain is ours before the first release(), which may even free the list. */
void cp_listeners_clear(cp_listeners *self)
{
    cp_listener_release release = self->release;
    cp_listener *chain = self->first;
    self->first = self->last = NULL;
    for (cp_delivery *round = self->rounds; round; round = round->outer)
        round->next = NULL;

    while (chain) {
        cp_listener *next = chain->next;
        let_go(chain, release);
        chain = next;
    }
}

void cp_listeners_free(cp_listeners *self)
{
    if (!self)
        return;
    for (cp_delivery *round = self->rounds; round; round = round->outer)
        round->listeners = NULL;
    cp_listeners last_words = *self; /* no longer where release() could find it */
    free(self);
    cp_listeners_clear(&last_words);
}

bool cp_listeners_wanted(const cp_listeners *self, uint32_t wants)
{
    for (const cp_listener *each = self->first; each; each = each->next)
        if (each->wants & wants)
            return true;
    return false;
}

int cp_listeners_visit(cp_listeners *self, int (*visit)(void *target, void *arg), void *arg)
{
    for (cp_listener *each = self->first; each; each = each->next) {
        int verdict = visit(each->target, arg);
        if (verdict != 0)
            return verdict;
    }
    return 0;
}

void cp_delivery_begin(cp_delivery *self, cp_listeners *listeners, uint32_t wants)
{
    *self = (cp_delivery){
        .listeners = listeners,
        .release = listeners->release,
        .outer = listeners->rounds,
        .next = listeners->first,
        .last = listeners->newest,
        .wants = wants,
    };
    listeners->rounds = self;
}

static cp_listener *next_that_wants(cp_delivery *self)
{
    cp_listener *each = self->next;
    while (each && !(each->wants & self->wants))
        each = each->next;
    return each && each->number <= self->last ? each : NULL;
}

void *cp_delivery_next(cp_delivery *self)
{
    cp_listener *told = self->told;
    self->told = NULL;
    let_go(told, self->release); /* first: it may remove whoever comes next */

    cp_listener *listener = next_that_wants(self);
    if (!listener)
        return NULL;
    listener->holds++;
    self->told = listener;
    self->next = listener->next;
    return listener->target;
}

void cp_delivery_end(cp_delivery *self)
{
    if (self->listeners) {
        cp_delivery **link = &self->listeners->rounds;
        while (*link != self)
            link = &(*link)->outer;
        *link = self->outer;
    }
    cp_listener *told = self->told;
    self->listeners = NULL;
    self->told = self->next = NULL;
    let_go(told, self->release);
}
