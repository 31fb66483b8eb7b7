#define _GNU_SOURCE
#include "net/resolver.h"

#include "net/loop.h"
#include "test.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>

/* ---- a resolver that answers when it is allowed to, in place of the C library's */

static pthread_mutex_t gate_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t gate_changed = PTHREAD_COND_INITIALIZER;
static bool gate_is_open;
static unsigned asked, answered, woken;

static bool no_threads;

static struct sockaddr_in addresses[2];
static struct addrinfo infos[2];

__attribute__((constructor)) static void fill_in_the_answer(void)
{
    for (int i = 0; i < 2; i++) {
        addresses[i].sin_family = AF_INET;
        addresses[i].sin_addr.s_addr = htonl(0x0A000001u + (unsigned)i);
        infos[i].ai_family = AF_INET;
        infos[i].ai_addr = (struct sockaddr *)&addresses[i];
        infos[i].ai_addrlen = sizeof addresses[i];
    }
    infos[0].ai_next = &infos[1];
}

static void set_gate(bool open)
{
    pthread_mutex_lock(&gate_lock);
    gate_is_open = open;
    pthread_cond_broadcast(&gate_changed);
    pthread_mutex_unlock(&gate_lock);
}

static void wait_for(const unsigned *counter, unsigned count)
{
    pthread_mutex_lock(&gate_lock);
    while (*counter < count)
        pthread_cond_wait(&gate_changed, &gate_lock);
    pthread_mutex_unlock(&gate_lock);
}

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **out)
{
    bool is_known = strcmp(node, "unknown") != 0;
    (void)service, (void)hints;
    pthread_mutex_lock(&gate_lock);
    asked += 1;
    pthread_cond_broadcast(&gate_changed);
    while (!gate_is_open)
        pthread_cond_wait(&gate_changed, &gate_lock);
    answered += 1;
    pthread_cond_broadcast(&gate_changed);
    pthread_mutex_unlock(&gate_lock);
    *out = is_known ? infos : NULL;
    return is_known ? 0 : EAI_NONAME;
}

/* In place of the loop's. */
void cp_loop_wake(void)
{
    pthread_mutex_lock(&gate_lock);
    woken += 1;
    pthread_cond_broadcast(&gate_changed);
    pthread_mutex_unlock(&gate_lock);
}

void freeaddrinfo(struct addrinfo *info)
{
    (void)info;
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                   void *arg)
{
    int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *) =
        (int (*)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *))dlsym(
            RTLD_NEXT, "pthread_create");

    return no_threads ? EAGAIN : real(thread, attributes, run, arg);
}

/* ---- who asks; the loop is only ever compared */

static char one_loop, other_loop;
#define LOOP ((struct cp_loop *)&one_loop)
#define OTHER ((struct cp_loop *)&other_loop)

typedef struct asker {
    unsigned told;
    cp_addresses found;
} asker;

static void on_found(void *owner, const cp_addresses *found)
{
    asker *self = owner;
    self->told += 1;
    self->found = *found;
}

static cp_lookup *ask(struct cp_loop *loop, const char *host, asker *owner)
{
    cp_addresses now;
    cp_lookup *lookup;
    CHECK_INT(cp_lookup_start(loop, host, owner, on_found, &now, &lookup), CP_OK);
    CHECK(lookup != NULL);
    CHECK_INT(now.count, 0);
    return lookup;
}

static void deliver_until(struct cp_loop *loop, const asker *who)
{
    for (unsigned times = 1; who->told == 0; times++) {
        wait_for(&woken, times);
        cp_lookups_deliver(loop);
    }
}

static void begin(void)
{
    set_gate(false);
    asked = answered = woken = 0;
}

TEST(an_address_is_no_question)
{
    static const char *const hosts[] = {"127.0.0.1", "::1", "2001:db8::1"};
    for (int i = 0; i < 3; i++) {
        cp_lookup *lookup = (cp_lookup *)&lookup;
        cp_addresses now;
        CHECK_INT(cp_lookup_start(LOOP, hosts[i], NULL, on_found, &now, &lookup), CP_OK);
        CHECK(lookup == NULL);
        CHECK_INT(now.count, 1);
        CHECK_TEXT(now.text[0], hosts[i]);
    }
}

TEST(a_name_is_asked_on_another_thread_and_its_addresses_are_told_here)
{
    asker who = {0};
    begin();
    ask(LOOP, "known", &who);
    cp_lookups_deliver(LOOP); /* does not wait */
    CHECK_INT(who.told, 0);
    set_gate(true);
    deliver_until(LOOP, &who);
    CHECK_INT(who.found.count, 2);
    CHECK_TEXT(who.found.text[0], "10.0.0.1");
    CHECK_TEXT(who.found.text[1], "10.0.0.2");
    cp_lookups_deliver(LOOP);
    CHECK_INT(who.told, 1);
}

TEST(an_unknown_name_has_the_words_of_the_resolver)
{
    asker who = {0};
    begin();
    set_gate(true);
    ask(LOOP, "unknown", &who);
    deliver_until(LOOP, &who);
    CHECK_INT(who.found.count, 0);
    CHECK_TEXT(who.found.error, gai_strerror(EAI_NONAME));
}

TEST(who_asks_for_the_same_name_meanwhile_shares_the_answer)
{
    asker who[3] = {0};
    begin();
    for (int i = 0; i < 3; i++)
        ask(LOOP, "shared", &who[i]);
    wait_for(&asked, 1);
    set_gate(true);
    deliver_until(LOOP, &who[0]);
    CHECK_INT(who[1].told, 1);
    CHECK_INT(who[2].told, 1);
    CHECK_INT(asked, 1);
}

TEST(who_cancelled_is_not_told)
{
    asker gone = {0}, there = {0};
    begin();
    cp_lookup *lookup = ask(LOOP, "name", &gone);
    ask(LOOP, "name", &there);
    cp_lookup_cancel(lookup);
    cp_lookup_cancel(NULL);
    set_gate(true);
    deliver_until(LOOP, &there);
    CHECK_INT(gone.told, 0);
}

TEST(each_loop_is_told_its_own)
{
    asker here = {0}, there = {0};
    begin();
    ask(LOOP, "name", &here);
    ask(OTHER, "name", &there);
    set_gate(true);
    deliver_until(LOOP, &here);
    CHECK_INT(there.told, 0);
    deliver_until(OTHER, &there);
    CHECK_INT(here.told, 1);
}

/* Nothing is leaked, which the sanitizer sees, nor freed while a thread still uses it. */
TEST(a_loop_that_ends_forgets_answers_that_came_and_that_will)
{
    asker who = {0};
    begin();
    ask(LOOP, "slow", &who);
    wait_for(&asked, 1);
    cp_lookups_forget(LOOP);
    set_gate(true);
    wait_for(&answered, 1);
    ask(LOOP, "fast", &who);
    wait_for(&answered, 2);
    cp_lookups_forget(LOOP);
    cp_lookups_deliver(LOOP);
    CHECK_INT(who.told, 0);
}

TEST(without_a_thread_starting_fails_and_it_is_not_called_memory)
{
    asker who = {0};
    cp_addresses now;
    cp_lookup *lookup;
    begin();
    set_gate(true);
    no_threads = true;
    cp_status status = cp_lookup_start(LOOP, "name", &who, on_found, &now, &lookup);
    no_threads = false;
    CHECK_INT(status, CP_ERR_SYSTEM);
    CHECK(lookup == NULL);
    ask(LOOP, "name", &who);
    deliver_until(LOOP, &who);
    CHECK_INT(who.told, 1);
}

TEST(without_memory_starting_fails)
{
    begin();
    set_gate(true);
    for (unsigned n = 1, failed = 1; failed; n++) {
        asker who = {0};
        cp_addresses now;
        cp_lookup *lookup;
        fail_allocation(n);
        cp_status status = cp_lookup_start(LOOP, "name", &who, on_found, &now, &lookup);
        failed = allocation_failed();
        if (status == CP_OK)
            deliver_until(LOOP, &who);
        else
            CHECK(lookup == NULL);
        CHECK_INT(status, failed ? CP_ERR_NOMEM : CP_OK);
    }
}
