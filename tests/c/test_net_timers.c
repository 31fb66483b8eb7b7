#include "net/timers.h"

#include "test.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#define MANY 500

typedef struct alarm_clock {
    cp_timer timer;
    int rung;
    bool is_set;
    cp_usec at;
} alarm_clock;

static cp_timers timers;
static cp_usec latest; /* of those that rang */
static bool in_order;

static void begin(void)
{
    timers = (cp_timers){NULL};
    latest = 0;
    in_order = true;
}

static void on_ring(cp_timer *timer)
{
    alarm_clock *self = (alarm_clock *)timer;

    in_order = in_order && timer->at >= latest;
    latest = timer->at;
    self->rung++;
    self->is_set = false;
}

TEST(timers_that_are_not_set_are_never)
{
    cp_timer timer = {0};

    begin();
    cp_timer_cancel(&timer);
    CHECK(cp_timers_next(&timers) == CP_NEVER);
    cp_timers_ring(&timers, CP_NEVER);
}

TEST(a_timer_rings_once_and_not_before_it_is_due)
{
    alarm_clock one = {0};

    begin();
    cp_timers_set(&timers, &one.timer, 10, on_ring);
    cp_timers_ring(&timers, 9);
    CHECK_INT(one.rung, 0);
    cp_timers_ring(&timers, 10);
    cp_timers_ring(&timers, 11);
    CHECK_INT(one.rung, 1);
    CHECK(cp_timers_next(&timers) == CP_NEVER);
}

TEST(a_timer_set_anew_forgets_when_it_was_due)
{
    alarm_clock one = {0};

    begin();
    cp_timers_set(&timers, &one.timer, 10, on_ring);
    cp_timers_set(&timers, &one.timer, 30, on_ring);
    cp_timers_ring(&timers, 20);
    CHECK_INT(one.rung, 0);
    cp_timers_set(&timers, &one.timer, 25, on_ring);
    cp_timers_ring(&timers, 25);
    CHECK_INT(one.rung, 1);
}

static alarm_clock first, second;

static void cancel_second(cp_timer *timer)
{
    cp_timer_cancel(&second.timer);
    cp_timers_set(&timers, timer, 100, on_ring);
}

TEST(one_that_rings_may_cancel_another_and_set_itself)
{
    begin();
    first = second = (alarm_clock){0};
    cp_timers_set(&timers, &first.timer, 1, cancel_second);
    cp_timers_set(&timers, &second.timer, 2, on_ring);
    cp_timers_ring(&timers, 50);
    CHECK_INT(second.rung, 0);
    CHECK_INT(cp_timers_next(&timers), 100);
    cp_timers_ring(&timers, 100);
    CHECK_INT(first.rung, 1);
}

static cp_usec next_of(const alarm_clock *clocks)
{
    cp_usec next = CP_NEVER;

    for (int i = 0; i < MANY; i++)
        if (clocks[i].is_set && clocks[i].at < next)
            next = clocks[i].at;
    return next;
}

/* What is set, set anew, cancelled and rung at random, against a table that is looked through. */
TEST(many_timers_ring_in_order_and_none_is_lost)
{
    alarm_clock *clocks = calloc(MANY, sizeof *clocks);
    uint32_t random = 1;
    int expected = 0, rung = 0;

    begin();
    for (int step = 0; step < 50000; step++) {
        random = random * 1664525 + 1013904223;
        alarm_clock *one = &clocks[(random >> 8) % MANY];
        unsigned what = (random >> 20) % 8;
        if (what < 5) {
            one->is_set = true;
            one->at = latest + 1 + (random >> 4) % 10000;
            cp_timers_set(&timers, &one->timer, one->at, on_ring);
        } else if (what < 7) {
            one->is_set = false;
            cp_timer_cancel(&one->timer);
        } else {
            cp_usec now = latest + (random >> 4) % 500;
            for (int i = 0; i < MANY; i++)
                expected += clocks[i].is_set && clocks[i].at <= now;
            cp_timers_ring(&timers, now);
            latest = now;
        }
        if (cp_timers_next(&timers) != next_of(clocks))
            break;
    }
    CHECK_INT(cp_timers_next(&timers), next_of(clocks));
    CHECK(in_order);
    for (int i = 0; i < MANY; i++)
        rung += clocks[i].rung;
    CHECK(expected > 1000);
    CHECK_INT(rung, expected);
    free(clocks);
}
