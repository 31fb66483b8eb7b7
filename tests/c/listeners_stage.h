#ifndef LISTENERS_STAGE_H
#define LISTENERS_STAGE_H

/* Listeners that keep a diary, for the tests of the list of listeners. */

#include "core/listeners.h"
#include "test.h"

enum { ONLINE = 1, OFFLINE = 2, BOTH = 3 };

/* A target that writes down in one diary when it is told and when it is released. */
typedef struct target {
    char name;
    void (*when_told)(struct target *self);
    void (*when_released)(struct target *self);
} target;

static cp_listeners *listeners;
static char diary[256]; /* "a" told, "~a" released */

static inline void write_down(const char *prefix, char name)
{
    size_t end = strlen(diary);
    snprintf(diary + end, sizeof diary - end, "%s%c", prefix, name);
}

static inline void released(void *arg)
{
    target *self = arg;
    write_down("~", self->name);
    if (self->when_released)
        self->when_released(self);
    free(self);
}

static inline void begin_test(void)
{
    diary[0] = '\0';
    listeners = cp_listeners_new(released);
    CHECK(listeners != NULL);
}

static inline void end_test(void)
{
    cp_listeners_free(listeners);
    listeners = NULL;
}

static inline target *add_as(const char *id, char name, uint32_t wants)
{
    target *self = calloc(1, sizeof *self);
    self->name = name;
    CHECK_INT(cp_listeners_add(listeners, cp_slice_of(id), wants, self), CP_OK);
    return self;
}

static inline target *add(const char *id)
{
    return add_as(id, id[0], BOTH);
}

static inline bool removed(const char *id)
{
    return cp_listeners_remove(listeners, cp_slice_of(id));
}

static inline int count_one(void *each, void *count)
{
    (void)each;
    ++*(size_t *)count;
    return 0;
}

static inline size_t count_listeners(void)
{
    size_t count = 0;
    cp_listeners_visit(listeners, count_one, &count);
    return count;
}

static inline void tell_all(uint32_t wants)
{
    cp_delivery round;
    cp_delivery_begin(&round, listeners, wants);
    for (target *each; (each = cp_delivery_next(&round)) != NULL;) {
        write_down("", each->name);
        if (each->when_told)
            each->when_told(each);
    }
    cp_delivery_end(&round);
}

#endif
