#include "net/silent.h"

#include "test.h"

#define SECOND CP_USEC_PER_SEC

static cp_addresses three(void)
{
    return (cp_addresses){.text = {"10.0.0.1", "10.0.0.2", "::1"}, .count = 3};
}

TEST(what_was_never_silent_keeps_its_order)
{
    cp_silent silent = {0};
    cp_addresses addresses = three();
    cp_silent_put_last(&silent, &addresses, 0);
    CHECK_TEXT(addresses.text[0], "10.0.0.1");
    CHECK_TEXT(addresses.text[2], "::1");
    CHECK(!cp_silent_has(&silent, "", 0));
}

TEST(silent_addresses_go_last_in_their_order)
{
    cp_silent silent = {0};
    cp_addresses addresses = three();
    cp_silent_add(&silent, "10.0.0.2", 0);
    cp_silent_add(&silent, "10.0.0.1", 0);
    cp_silent_put_last(&silent, &addresses, SECOND);
    CHECK_TEXT(addresses.text[0], "::1");
    CHECK_TEXT(addresses.text[1], "10.0.0.1");
    CHECK_TEXT(addresses.text[2], "10.0.0.2");
    CHECK_INT(addresses.count, 3);
}

TEST(silence_is_forgotten_after_a_minute)
{
    cp_silent silent = {0};
    cp_silent_add(&silent, "::1", 5 * SECOND);
    CHECK(cp_silent_has(&silent, "::1", 64 * SECOND));
    CHECK(!cp_silent_has(&silent, "::1", 65 * SECOND));
}

TEST(the_oldest_silence_makes_room_for_a_new_one)
{
    cp_silent silent = {0};
    char address[32];
    for (int i = 0; i <= CP_SILENT_KEPT; i++) {
        snprintf(address, sizeof address, "10.0.0.%d", i);
        cp_silent_add(&silent, address, 0);
    }
    CHECK(!cp_silent_has(&silent, "10.0.0.0", 1));
    CHECK(cp_silent_has(&silent, "10.0.0.1", 1));
    CHECK(cp_silent_has(&silent, address, 1));
}
