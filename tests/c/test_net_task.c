#include "net/task.h"

#include "test.h"

#include <pthread.h>
#include <stdatomic.h>

TEST(a_task_is_not_done_before_it_is_finished)
{
    cp_task *task = cp_task_new(CP_CALL_COUNT, false);
    CHECK(!cp_task_is_done(task));
    CHECK(!cp_task_wait(task, 0));
    CHECK(!cp_task_wait(task, 1000));
    cp_task_finish(task);
    CHECK(cp_task_is_done(task));
    CHECK(cp_task_wait(task, 0));
    CHECK(cp_task_wait(task, CP_NEVER));
    cp_task_release(task);
    cp_task_release(NULL);
}

TEST(a_task_is_found_from_its_call)
{
    cp_task *task = cp_task_new(CP_CALL_GET_USER, true);
    CHECK(cp_task_of(cp_task_call(task)) == task);
    CHECK_INT(cp_task_call(task)->kind, CP_CALL_GET_USER);
    CHECK(cp_task_is_on_bell(task));
    cp_task_release(task);
}

TEST(without_memory_there_is_no_task)
{
    fail_allocation(1);
    CHECK(cp_task_new(CP_CALL_COUNT, false) == NULL);
    CHECK(allocation_failed());
}

static void *wait_for_it(void *arg)
{
    cp_task *task = arg;
    long long number = -1;
    if (cp_task_wait(task, CP_NEVER))
        number = cp_task_call(task)->number; /* written by the other thread before */
    cp_task_release(task);
    return (void *)(intptr_t)number;
}

TEST(everybody_who_waits_is_woken_and_sees_the_outcome)
{
    enum { WAITING = 8, ROUNDS = 200 };
    for (int round = 0; round < ROUNDS; round++) {
        cp_task *task = cp_task_new(CP_CALL_COUNT, false);
        pthread_t threads[WAITING];
        for (int i = 0; i < WAITING; i++)
            CHECK_INT(pthread_create(&threads[i], NULL, wait_for_it, cp_task_hold(task)), 0);
        cp_task_call(task)->number = round;
        cp_task_finish(task);
        cp_task_release(task); /* whoever is last frees it */
        for (int i = 0; i < WAITING; i++) {
            void *number;
            pthread_join(threads[i], &number);
            CHECK_INT((intptr_t)number, round);
        }
    }
}
