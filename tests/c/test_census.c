#include "core/census.h"

#include "test.h"

static cp_census census;

static bool counted(int64_t count, int64_t online)
{
    return cp_census_counted(&census, count, online, false);
}

static bool counted_at_once(int64_t count, int64_t online)
{
    return cp_census_counted(&census, count, online, true);
}

static void compared(void)
{
    cp_census_compared(&census);
}

static void distrust(void)
{
    cp_census_init(&census);
    CHECK(counted(50, 10));
    compared();
    CHECK(counted(50, 10));
    CHECK_INT(census.reason, CP_CENSUS_THROTTLED);
}

TEST(counts_that_agree_change_nothing)
{
    cp_census_init(&census);
    CHECK(!counted(0, 0));
    CHECK(!counted(10, 10));
    CHECK(!counted_at_once(1000, 1000));
    CHECK_INT(census.reason, CP_CENSUS_FINE);
}

TEST(two_users_or_one_in_a_hundred_and_ourselves_may_differ)
{
    const struct {
        int64_t count, online;
        bool agrees;
    } cases[] = {{13, 10, true},    {14, 10, false},  {10, 13, true},    {10, 14, false},
                 {803, 800, true},  {809, 800, true}, {800, 809, true},  {810, 800, false},
                 {0, 3, true},      {0, 4, false},    {4, 0, false},     {900, 910, true},
                 {900, 911, false}, {899, 890, true}, {999, 2000, false}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cp_census_init(&census);
        CHECK_INT(counted(cases[i].count, cases[i].online), !cases[i].agrees);
        CHECK_INT(census.reason, CP_CENSUS_FINE); /* once is nothing */
    }
}

TEST(a_second_difference_counts_only_after_a_comparison)
{
    cp_census_init(&census);
    CHECK(counted(50, 10));
    CHECK(!counted(50, 10));
    CHECK_INT(census.reason, CP_CENSUS_FINE);
    compared();
    CHECK(counted(50, 10));
    CHECK_INT(census.reason, CP_CENSUS_THROTTLED);
}

TEST(agreement_in_between_forgives)
{
    cp_census_init(&census);
    CHECK(counted(50, 10));
    compared();
    CHECK(!counted(50, 50));
    CHECK(counted(50, 10));
    CHECK_INT(census.reason, CP_CENSUS_FINE);
}

TEST(agreement_right_after_a_comparison_does_not_forgive)
{
    cp_census_init(&census);
    CHECK(counted(50, 10));
    compared();
    CHECK(!counted_at_once(50, 50));
    CHECK(counted(60, 50));
    CHECK_INT(census.reason, CP_CENSUS_THROTTLED);
}

TEST(lists_that_lack_users_right_after_a_comparison_are_found_out)
{
    cp_census_init(&census);
    CHECK(counted_at_once(50, 10));
    compared();
    CHECK(counted_at_once(50, 10));
    CHECK_INT(census.reason, CP_CENSUS_THROTTLED);
}

TEST(beyond_the_cap_there_is_no_doubt)
{
    cp_census_init(&census);
    CHECK(!counted(CP_PRESENCE_CAP, CP_PRESENCE_CAP));
    CHECK_INT(census.reason, CP_CENSUS_FINE);
    CHECK(!counted(CP_PRESENCE_CAP + 1, CP_PRESENCE_CAP + 1));
    CHECK_INT(census.reason, CP_CENSUS_CAPPED);
    distrust();
    CHECK(!counted(5000, 10)); /* not even a comparison is awaited */
    CHECK_INT(census.reason, CP_CENSUS_CAPPED);
}

TEST(it_takes_two_agreements_to_be_trusted_again)
{
    distrust();
    compared();
    CHECK(!counted(50, 50));
    CHECK(!counted(50, 50)); /* no comparison since */
    CHECK(census.reason != CP_CENSUS_FINE);
    compared();
    CHECK(counted(50, 50)); /* and one more comparison, to tell it */
    CHECK_INT(census.reason, CP_CENSUS_FINE);
    CHECK(counted(50, 10));
    CHECK_INT(census.reason, CP_CENSUS_FINE); /* it begins anew */
}

TEST(a_difference_in_between_begins_the_count_of_agreements_anew)
{
    distrust();
    compared();
    CHECK(!counted(50, 50));
    compared();
    CHECK(counted(50, 10));
    compared();
    CHECK(!counted(50, 50));
    CHECK(census.reason != CP_CENSUS_FINE);
    compared();
    CHECK(!counted(2000, 50));
    compared();
    CHECK(!counted(50, 50));
    CHECK_INT(census.reason, CP_CENSUS_CAPPED);
    compared();
    CHECK(counted(50, 50));
    CHECK_INT(census.reason, CP_CENSUS_FINE);
}
