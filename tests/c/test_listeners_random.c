/* Many steps by chance, against a plain array. */
#include "core/listeners.h"

#include "listeners_stage.h"

static uint64_t dice = 1;

static unsigned roll(unsigned sides)
{
    dice = dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(dice >> 33) % sides;
}

static char expected[32]; /* who is listed, in order */

static void forget(char *names, char name)
{
    char *at = strchr(names, name);
    if (at)
        memmove(at, at + 1, strlen(at));
}

/* Adds, replaces or removes one, and says which. */
static char change_by_chance(void)
{
    char id[2] = {(char)('a' + roll(8)), '\0'};
    bool known = strchr(expected, id[0]) != NULL;
    forget(expected, id[0]);
    if (roll(2)) {
        add(id);
        strcat(expected, id);
    } else {
        CHECK_INT(removed(id), known);
    }
    CHECK_INT(count_listeners(), strlen(expected));
    return id[0];
}

TEST(whatever_happens_in_a_round_those_who_stayed_are_told_once_in_order)
{
    begin_test();
    expected[0] = '\0';
    for (int step = 0; step < 20000; step++) {
        char to_come[32];
        cp_delivery round;
        strcpy(to_come, expected);
        cp_delivery_begin(&round, listeners, ONLINE);
        for (target *each; (each = cp_delivery_next(&round)) != NULL;) {
            CHECK_INT(each->name, to_come[0]);
            forget(to_come, each->name);
            for (unsigned changes = roll(3); changes > 0; changes--)
                forget(to_come, change_by_chance());
        }
        CHECK_TEXT(to_come, "");
        cp_delivery_end(&round);
        change_by_chance();
        diary[0] = '\0';
    }
    end_test();
}
