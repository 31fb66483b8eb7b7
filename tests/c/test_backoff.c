#include "core/backoff.h"

#include "test.h"

#define SECOND CP_USEC_PER_SEC

static const cp_backoff_policy defaults = {
    .base = SECOND,
    .cap = 30 * SECOND,
    .floor = SECOND / 10,
    .stable_after = 60 * SECOND,
    .max_attempts = -1,
};

static cp_backoff fresh(uint64_t seed)
{
    cp_backoff backoff;
    cp_backoff_init(&backoff, defaults, seed);
    return backoff;
}

TEST(each_wait_lies_between_the_floor_and_a_ceiling_that_doubles_up_to_the_cap)
{
    for (uint64_t seed = 0; seed < 500; seed++) {
        cp_backoff backoff = fresh(seed);
        cp_usec ceiling = SECOND;
        for (int n = 0; n < 12; n++) {
            cp_usec wait = cp_backoff_failed(&backoff, 0);
            CHECK(wait >= defaults.floor);
            CHECK(wait <= ceiling);
            ceiling = ceiling * 2 < defaults.cap ? ceiling * 2 : defaults.cap;
        }
    }
}

TEST(waits_are_spread_evenly_over_the_window)
{
    int tenths[10] = {0};
    cp_usec window = defaults.cap - defaults.floor;
    cp_backoff backoff = fresh(7);
    backoff.attempts = 20;
    for (int n = 0; n < 20000; n++) {
        cp_usec wait = cp_backoff_failed(&backoff, 0);
        tenths[(wait - defaults.floor) * 10 / (window + 1)]++;
    }
    for (int i = 0; i < 10; i++)
        CHECK(tenths[i] > 1800 && tenths[i] < 2200); /* 2,000 ± 4.7 sigma */
}

TEST(two_thousand_clients_that_fail_at_once_come_back_all_over_the_window)
{
    for (unsigned attempt = 0; attempt < 6; attempt++) {
        cp_usec first = CP_NEVER, last = 0, ceiling = SECOND << attempt;
        int tenths[10] = {0};
        if (ceiling > defaults.cap)
            ceiling = defaults.cap;
        for (uint64_t seed = 0; seed < 2000; seed++) { /* neighbours, as from one counter */
            cp_backoff backoff = fresh(seed);
            cp_usec wait = 0;
            for (unsigned n = 0; n <= attempt; n++)
                wait = cp_backoff_failed(&backoff, 0);
            first = wait < first ? wait : first;
            last = wait > last ? wait : last;
            tenths[(wait - defaults.floor) * 10 / (ceiling - defaults.floor + 1)]++;
        }
        CHECK((last - first) * 10 >= (ceiling - defaults.floor) * 8);
        for (int i = 0; i < 10; i++)
            CHECK(tenths[i] > 130 && tenths[i] < 270); /* no stampede in any tenth of it */
    }
}

TEST(the_same_seed_waits_the_same)
{
    cp_backoff a = fresh(42), b = fresh(42), c = fresh(43);
    bool differs = false;
    for (int n = 0; n < 10; n++) {
        cp_usec wait = cp_backoff_failed(&a, 0);
        CHECK_INT(cp_backoff_failed(&b, 0), wait);
        differs |= cp_backoff_failed(&c, 0) != wait;
    }
    CHECK(differs);
}

TEST(only_a_connection_healthy_for_long_enough_starts_the_count_anew)
{
    cp_backoff backoff = fresh(1);
    for (int n = 0; n < 5; n++)
        cp_backoff_failed(&backoff, 0);
    CHECK_INT(backoff.attempts, 5);

    cp_backoff_healthy(&backoff, 100 * SECOND);
    cp_backoff_failed(&backoff, 160 * SECOND - 1);
    CHECK_INT(backoff.attempts, 6);

    cp_backoff_healthy(&backoff, 200 * SECOND);
    cp_backoff_failed(&backoff, 260 * SECOND);
    CHECK_INT(backoff.attempts, 1);
}

TEST(being_told_twice_of_health_does_not_make_it_younger)
{
    cp_backoff backoff = fresh(1);
    cp_backoff_failed(&backoff, 0);
    cp_backoff_failed(&backoff, 0);
    cp_backoff_healthy(&backoff, 0);
    cp_backoff_healthy(&backoff, 50 * SECOND);
    cp_backoff_failed(&backoff, 60 * SECOND);
    CHECK_INT(backoff.attempts, 1);
}

TEST(a_reset_starts_the_count_anew)
{
    cp_backoff backoff = fresh(1);
    for (int n = 0; n < 5; n++)
        cp_backoff_failed(&backoff, 0);
    cp_backoff_healthy(&backoff, 0);
    cp_backoff_reset(&backoff);
    CHECK_INT(backoff.attempts, 0);
    CHECK(cp_backoff_failed(&backoff, 10 * SECOND) <= SECOND);
    CHECK_INT(backoff.attempts, 1);
}

TEST(health_counts_for_one_failure_only)
{
    cp_backoff backoff = fresh(1);
    cp_backoff_healthy(&backoff, 0);
    cp_backoff_failed(&backoff, 90 * SECOND);
    cp_backoff_failed(&backoff, 190 * SECOND);
    CHECK_INT(backoff.attempts, 2);
}

TEST(it_gives_up_after_the_last_attempt_and_again_after_a_healthy_time)
{
    cp_backoff_policy policy = defaults;
    policy.max_attempts = 3;
    cp_backoff backoff;
    cp_backoff_init(&backoff, policy, 1);
    for (int round = 0; round < 2; round++) {
        for (int n = 0; n < 3; n++)
            CHECK(cp_backoff_failed(&backoff, 0) >= 0);
        CHECK(cp_backoff_failed(&backoff, 0) < 0);
        CHECK(cp_backoff_failed_slowly(&backoff, 0, 30 * SECOND) < 0);
        CHECK_INT(backoff.attempts, 3);
        cp_backoff_healthy(&backoff, -60 * SECOND);
    }
}

TEST(no_attempts_means_none)
{
    cp_backoff_policy policy = defaults;
    policy.max_attempts = 0;
    cp_backoff backoff;
    cp_backoff_init(&backoff, policy, 1);
    CHECK(cp_backoff_failed(&backoff, 0) < 0);
}

TEST(a_slow_failure_waits_at_least_that_long_and_counts)
{
    cp_backoff backoff = fresh(3);
    CHECK_INT(cp_backoff_failed_slowly(&backoff, 0, 45 * SECOND), 45 * SECOND);
    CHECK_INT(backoff.attempts, 1);

    cp_backoff twin = backoff;
    CHECK_INT(cp_backoff_failed_slowly(&backoff, 0, 0), cp_backoff_failed(&twin, 0));
}

TEST(huge_numbers_do_not_overflow)
{
    cp_backoff_policy policy = {
        .base = CP_NEVER / 2 + 1, .cap = CP_NEVER, .floor = 0, .max_attempts = -1};
    cp_backoff backoff;
    cp_backoff_init(&backoff, policy, 9);
    for (int n = 0; n < 200; n++)
        CHECK(cp_backoff_failed(&backoff, 0) >= 0);

    backoff.attempts = (unsigned)-1;
    CHECK(cp_backoff_failed(&backoff, 0) >= 0);
    CHECK(backoff.attempts == (unsigned)-1);
}

TEST(a_person_who_asks_begins_anew)
{
    cp_backoff_policy policy = defaults;
    policy.max_attempts = 1;
    cp_backoff backoff;
    cp_backoff_init(&backoff, policy, 1);
    CHECK(cp_backoff_failed(&backoff, 0) >= 0);
    CHECK(cp_backoff_failed(&backoff, 0) < 0);
    cp_backoff_reset(&backoff);
    CHECK(cp_backoff_failed(&backoff, 0) >= 0);
    CHECK(cp_backoff_failed(&backoff, 0) < 0);
}

TEST(a_floor_above_the_ceiling_wins)
{
    cp_backoff_policy policy = defaults;
    policy.floor = 5 * SECOND;
    cp_backoff backoff;
    cp_backoff_init(&backoff, policy, 1);
    CHECK_INT(cp_backoff_failed(&backoff, 0), 5 * SECOND);
    CHECK_INT(cp_backoff_failed(&backoff, 0), 5 * SECOND);
    CHECK_INT(cp_backoff_failed(&backoff, 0), 5 * SECOND);
    CHECK(cp_backoff_failed(&backoff, 0) >= 5 * SECOND);
}

TEST(a_base_of_nothing_waits_no_longer_than_the_floor)
{
    cp_backoff_policy policy = {.base = 0, .cap = 30 * SECOND, .floor = 0, .max_attempts = -1};
    cp_backoff backoff;
    cp_backoff_init(&backoff, policy, 1);
    backoff.attempts = 1000000;
    CHECK_INT(cp_backoff_failed(&backoff, 0), 0);
}
