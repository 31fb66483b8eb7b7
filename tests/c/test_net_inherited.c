#include "net/inherited.h"

#include "test.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

static int open_null(void)
{
    int fd = dup(STDIN_FILENO);
    CHECK(fd >= 0);
    return fd;
}

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

/* What a check in a forked child comes to. */
static bool in_child(bool (*check)(const int *fds), const int *fds)
{
    int status;
    pid_t child = fork();
    if (child == 0)
        leave_child(check(fds));
    CHECK(child > 0);
    CHECK(waitpid(child, &status, 0) == child);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool only_the_first_gets_closed(const int *fds)
{
    cp_inherited_close_all();
    return !is_open(fds[0]) && is_open(fds[1]) && is_open(fds[2]);
}

TEST(a_forked_child_closes_what_was_added_and_not_removed)
{
    int fds[] = {open_null(), open_null(), open_null()};
    cp_inherited *kept = cp_inherited_add(fds[0]);
    cp_inherited *removed = cp_inherited_add(fds[1]);
    cp_inherited_remove(removed);
    CHECK(in_child(only_the_first_gets_closed, fds));
    CHECK(is_open(fds[0])); /* here nothing happened */
    cp_inherited_remove(kept);
    for (int i = 0; i < 3; i++)
        close(fds[i]);
}

static bool stays_open(const int *fds)
{
    cp_inherited_close_all();
    return is_open(fds[0]);
}

TEST(a_number_that_means_another_file_by_now_is_left_alone)
{
    int ends[2];
    CHECK_INT(pipe(ends), 0);
    cp_inherited *slot = cp_inherited_add(ends[0]);
    int other = open("/dev/null", O_RDONLY);
    CHECK(dup2(other, ends[0]) == ends[0]); /* closed by a library that told nobody yet */
    CHECK(in_child(stays_open, ends));
    cp_inherited_remove(slot);
    close(ends[0]);
    close(ends[1]);
    close(other);
}

TEST(nothing_and_nobody_is_no_slot)
{
    CHECK(cp_inherited_add(-1) == NULL);
    CHECK(cp_inherited_add(100000) == NULL);
    cp_inherited_remove(NULL);
    cp_inherited_close_all();
}

TEST(slots_are_used_again)
{
    int fd = open_null();
    cp_inherited *first = cp_inherited_add(fd);
    cp_inherited_remove(first);
    CHECK(cp_inherited_add(fd) != NULL);
    fail_allocation(1);
    cp_inherited *second = cp_inherited_add(fd); /* there may be more free ones */
    (void)allocation_failed();
    cp_inherited_remove(second);
    cp_inherited_remove(first);
    close(fd);
}

static void *add_and_remove(void *arg)
{
    int fd = *(int *)arg;
    for (int i = 0; i < 5000; i++) {
        cp_inherited *mine = cp_inherited_add(fd);
        if (mine == NULL)
            test_is_failing = true;
        cp_inherited_remove(mine);
    }
    return NULL;
}

TEST(many_threads_add_and_remove)
{
    pthread_t threads[8];
    int fd = open_null();
    for (int i = 0; i < 8; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, add_and_remove, &fd), 0);
    for (int i = 0; i < 8; i++)
        pthread_join(threads[i], NULL);
    close(fd);
}
