#include "core/listeners.h"

#include "listeners_stage.h"

TEST(listeners_are_told_in_the_order_they_came)
{
    begin_test();
    add("a"), add("b"), add("c");
    tell_all(ONLINE);
    CHECK_TEXT(diary, "abc");
    CHECK_INT(count_listeners(), 3);
    end_test();
    CHECK_TEXT(diary, "abc~a~b~c");
}

TEST(only_those_who_want_it_are_told)
{
    begin_test();
    add_as("a", 'a', ONLINE), add_as("b", 'b', OFFLINE), add_as("c", 'c', BOTH);
    CHECK(cp_listeners_wanted(listeners, OFFLINE));
    CHECK(!cp_listeners_wanted(listeners, 4));
    tell_all(OFFLINE);
    CHECK_TEXT(diary, "bc");
    tell_all(ONLINE);
    CHECK_TEXT(diary, "bcac");
    tell_all(4);
    CHECK_TEXT(diary, "bcac");
    end_test();
}

TEST(the_same_id_replaces_and_moves_to_the_end)
{
    begin_test();
    add("a"), add("b");
    add_as("a", 'A', BOTH);
    CHECK_TEXT(diary, "~a");
    CHECK_INT(count_listeners(), 2);
    tell_all(ONLINE);
    CHECK_TEXT(diary, "~abA");
    end_test();
}

TEST(removed_listener_is_not_called_again)
{
    begin_test();
    add("a"), add("b");
    CHECK(removed("a"));
    CHECK(!removed("a"));
    CHECK(!removed("unknown"));
    CHECK(!removed(""));
    tell_all(ONLINE);
    CHECK_TEXT(diary, "~ab");
    end_test();
}

TEST(ids_are_bytes_and_may_be_empty_or_hold_nul)
{
    begin_test();
    add_as("", '0', BOTH);
    target *self = calloc(1, sizeof *self);
    self->name = 'n';
    CHECK_INT(cp_listeners_add(listeners, (cp_slice){"a\0b", 3}, BOTH, self), CP_OK);
    add("a");
    CHECK(cp_listeners_remove(listeners, (cp_slice){"a\0b", 3}));
    CHECK(cp_listeners_remove(listeners, CP_ABSENT_SLICE));
    tell_all(ONLINE);
    CHECK_TEXT(diary, "~n~0a");
    end_test();
}

/* ---- from inside a delivery */

static void remove_myself(target *self)
{
    CHECK(cp_listeners_remove(listeners, (cp_slice){&self->name, 1}));
    write_down("<", self->name); /* still alive: its round holds it */
}

TEST(a_listener_may_remove_itself_and_lives_until_it_has_returned)
{
    begin_test();
    add("a"), add("b")->when_told = remove_myself, add("c");
    tell_all(ONLINE);
    CHECK_TEXT(diary, "ab<b~bc");
    tell_all(ONLINE);
    CHECK_TEXT(diary, "ab<b~bcac");
    end_test();
}

static void remove_the_next_two(target *self)
{
    (void)self;
    CHECK(removed("b"));
    CHECK(removed("c"));
}

TEST(one_removed_meanwhile_is_not_called_any_more)
{
    begin_test();
    add("a")->when_told = remove_the_next_two, add("b"), add("c"), add("d");
    tell_all(ONLINE);
    CHECK_TEXT(diary, "a~b~cd");
    end_test();
}

static void add_one(target *self)
{
    self->when_told = NULL;
    add("z");
}

TEST(one_added_meanwhile_is_told_of_the_next_event)
{
    begin_test();
    add("a")->when_told = add_one, add("b");
    tell_all(ONLINE);
    CHECK_TEXT(diary, "ab");
    tell_all(ONLINE);
    CHECK_TEXT(diary, "ababz");
    end_test();
}

TEST(the_last_may_add_one_too)
{
    begin_test();
    add("a")->when_told = add_one;
    tell_all(ONLINE);
    CHECK_TEXT(diary, "a");
    tell_all(ONLINE);
    CHECK_TEXT(diary, "aaz");
    end_test();
}

static void replace_myself(target *self)
{
    add_as("a", 'A', BOTH);
    write_down("<", self->name);
}

static void replace_b(target *self)
{
    (void)self;
    add_as("b", 'B', BOTH);
}

TEST(one_replaced_meanwhile_is_told_of_the_next_event)
{
    begin_test();
    add("a")->when_told = replace_b, add("b"), add("c");
    tell_all(ONLINE);
    CHECK_TEXT(diary, "a~bc");
    end_test();
    CHECK_TEXT(diary, "a~bc~a~c~B");

    begin_test();
    add("a")->when_told = replace_myself, add("b");
    tell_all(ONLINE);
    CHECK_TEXT(diary, "a<a~ab");
    tell_all(ONLINE);
    CHECK_TEXT(diary, "a<a~abbA");
    end_test();
}

static void clear_all(target *self)
{
    cp_listeners_clear(listeners);
    write_down("<", self->name);
}

TEST(a_listener_may_clear_them_all)
{
    begin_test();
    add("a"), add("b")->when_told = clear_all, add("c");
    tell_all(ONLINE);
    CHECK_TEXT(diary, "ab~a~c<b~b");
    CHECK_INT(count_listeners(), 0);
    tell_all(ONLINE);
    CHECK_TEXT(diary, "ab~a~c<b~b");
    add("d");
    tell_all(ONLINE);
    CHECK_TEXT(diary, "ab~a~c<b~bd");
    end_test();
}

static void free_all(target *self)
{
    cp_listeners_free(listeners);
    listeners = NULL;
    write_down("<", self->name);
}

TEST(a_listener_may_free_the_list)
{
    begin_test();
    add("a"), add("b")->when_told = free_all, add("c");
    tell_all(ONLINE);
    CHECK_TEXT(diary, "ab~a~c<b~b");
}

TEST(a_round_may_stop_half_way)
{
    begin_test();
    add("a"), add("b");
    cp_delivery round;
    cp_delivery_begin(&round, listeners, ONLINE);
    CHECK(cp_delivery_next(&round) != NULL);
    CHECK(removed("a"));
    CHECK_TEXT(diary, "");
    cp_delivery_end(&round);
    CHECK_TEXT(diary, "~a");

    cp_delivery_begin(&round, listeners, ONLINE);
    cp_delivery_end(&round);
    end_test();
}

static void tell_the_others(target *self)
{
    self->when_told = NULL;
    tell_all(ONLINE);
}

TEST(a_round_may_run_inside_another)
{
    begin_test();
    add("a"), add("b")->when_told = tell_the_others, add("c")->when_told = remove_myself;
    tell_all(ONLINE);
    CHECK_TEXT(diary, "ababc<c~c"); /* the outer one was before c, which is gone */
    end_test();
}

TEST(rounds_end_in_any_order_and_one_listener_may_be_told_by_two)
{
    begin_test();
    add("a"), add("b");
    cp_delivery one, two, three;
    cp_delivery_begin(&one, listeners, ONLINE);
    cp_delivery_begin(&two, listeners, ONLINE);
    cp_delivery_begin(&three, listeners, ONLINE);
    target *a = cp_delivery_next(&one);
    CHECK(cp_delivery_next(&two) == a);
    CHECK(removed("a"));
    cp_delivery_end(&two);
    CHECK_TEXT(diary, "");
    target *b = cp_delivery_next(&three);
    CHECK_INT(b->name, 'b');
    cp_delivery_end(&one);
    CHECK_TEXT(diary, "~a");
    CHECK(removed("b"));
    cp_delivery_end(&three);
    CHECK_TEXT(diary, "~a~b");
    end_test();
}

/* ---- from inside release() */

static void add_another(target *self)
{
    (void)self;
    add("z");
}

static void remove_c(target *self)
{
    (void)self;
    CHECK(removed("c"));
}

static void free_list(target *self)
{
    (void)self;
    cp_listeners_free(listeners);
    listeners = NULL;
}

TEST(a_released_target_may_add_and_remove_others)
{
    begin_test();
    add("a")->when_released = add_another, add("b")->when_released = remove_c, add("c");
    CHECK(removed("a"));
    CHECK_INT(count_listeners(), 3);
    add_as("b", 'B', BOTH);
    tell_all(ONLINE);
    CHECK_TEXT(diary, "~a~b~czB");
    end_test();
}

TEST(a_target_released_in_the_middle_of_a_round_may_remove_the_next)
{
    begin_test();
    target *a = add("a");
    a->when_told = remove_myself;
    a->when_released = remove_c;
    add("c"), add("d");
    tell_all(ONLINE);
    CHECK_TEXT(diary, "a<a~a~cd");
    end_test();
}

TEST(a_target_released_by_a_clear_may_add_which_stays)
{
    begin_test();
    add("a")->when_released = add_another, add("b");
    cp_listeners_clear(listeners);
    CHECK_TEXT(diary, "~a~b");
    CHECK_INT(count_listeners(), 1);
    end_test();
    CHECK_TEXT(diary, "~a~b~z");
}

TEST(a_released_target_may_free_the_list)
{
    begin_test();
    add("a")->when_released = free_list, add("b");
    CHECK(removed("a"));
    CHECK_TEXT(diary, "~a~b");

    begin_test();
    add("a")->when_released = free_list, add("b");
    add_as("a", 'A', BOTH);
    CHECK_TEXT(diary, "~a~b~A");

    begin_test();
    add("a")->when_released = free_list, add("b");
    cp_listeners_clear(listeners);
    CHECK_TEXT(diary, "~a~b");

    begin_test();
    target *a = add("a");
    a->when_told = remove_myself, a->when_released = free_list;
    add("b");
    tell_all(ONLINE);
    CHECK_TEXT(diary, "a<a~a~b");
}

TEST(freeing_no_list_is_legal)
{
    cp_listeners_free(NULL);
}

/* ---- the owner's garbage collector */

static int visit(void *seen, void *arg)
{
    *(int *)arg += 1;
    return ((target *)seen)->name == 'b' ? 7 : 0;
}

TEST(visiting_stops_at_the_first_answer)
{
    begin_test();
    int visits = 0;
    add("a"), add("c");
    CHECK_INT(cp_listeners_visit(listeners, visit, &visits), 0);
    CHECK_INT(visits, 2);
    add("b"), add("d");
    CHECK_INT(cp_listeners_visit(listeners, visit, &visits), 7);
    CHECK_INT(visits, 5);
    end_test();
}

/* ---- without memory */

TEST(an_addition_without_memory_changes_nothing)
{
    begin_test();
    add("a"), add("b");
    target *late = calloc(1, sizeof *late);
    late->name = 'A';
    for (unsigned n = 1, failed = 1; failed; n++) {
        fail_allocation(n);
        cp_status status = cp_listeners_add(listeners, cp_slice_of("a"), BOTH, late);
        failed = allocation_failed();
        CHECK_INT(status, failed ? CP_ERR_NOMEM : CP_OK);
        CHECK_TEXT(diary, failed ? "" : "~a");
    }
    tell_all(ONLINE);
    CHECK_TEXT(diary, "~abA");
    fail_allocation(1);
    CHECK(cp_listeners_new(released) == NULL);
    CHECK(allocation_failed());
    end_test();
}

TEST(removing_and_telling_need_no_memory)
{
    begin_test();
    add("a")->when_told = remove_myself, add("b"), add("c");
    fail_allocation(1);
    tell_all(ONLINE);
    removed("b");
    cp_listeners_clear(listeners);
    cp_listeners_free(listeners);
    CHECK(!allocation_failed());
    CHECK_TEXT(diary, "a<a~abc~b~c");
    listeners = NULL;
}
