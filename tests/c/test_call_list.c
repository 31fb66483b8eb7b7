#include "core/call_list.h"

#include "test.h"

static cp_call_list list;
static cp_call a, b, c;

static void begin_test(void)
{
    cp_call_list_init(&list);
    cp_call_list_push(&list, &a);
    cp_call_list_push(&list, &b);
    cp_call_list_push(&list, &c);
}

TEST(calls_come_out_in_the_order_they_went_in)
{
    begin_test();
    CHECK(cp_call_list_pop(&list) == &a);
    CHECK(cp_call_list_pop(&list) == &b);
    CHECK(cp_call_list_pop(&list) == &c);
    CHECK(cp_call_list_pop(&list) == NULL);
}

TEST(any_of_them_can_leave_and_others_come_after_it)
{
    cp_call *each[] = {&a, &b, &c};

    for (int i = 0; i < 3; i++) {
        begin_test();
        CHECK(cp_call_list_remove(&list, each[i]));
        CHECK(!cp_call_list_remove(&list, each[i]));
        cp_call_list_push(&list, each[i]);
        CHECK(cp_call_list_pop(&list) == each[i == 0 ? 1 : 0]);
        CHECK(cp_call_list_pop(&list) == each[i == 2 ? 1 : 2]);
        CHECK(cp_call_list_pop(&list) == each[i]);
        CHECK(cp_call_list_pop(&list) == NULL);
    }
}

TEST(one_that_is_unlinked_knows_nothing_of_the_list)
{
    begin_test();
    CHECK(cp_call_list_unlink(&list, &a.next) == &b);
    CHECK(b.next == NULL);
    CHECK(a.next == &c);
}
