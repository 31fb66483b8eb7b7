#include "net/resolver.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "net/loop.h"

#define STACK (512 * 1024) /* name-service plug-ins are hungry */

/* Somebody waiting for a name. */
struct cp_lookup {
    void *owner; /* NULL: not any more */
    cp_lookup_done done;
    cp_lookup *next;
};

/* A name being looked up, on a thread of its own. */
typedef struct inquiry {
    char host[256];
    cp_loop *loop; /* NULL: nobody is there to be told */
    cp_lookup *waiting;
    cp_addresses found;
    bool is_ready;
    struct inquiry *next;
} inquiry;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static inquiry *inquiries;

/* ---- the thread */

static void keep_address(cp_addresses *out, const struct addrinfo *info)
{
    char *text = out->text[out->count];

    if (getnameinfo(info->ai_addr, info->ai_addrlen, text, CP_ADDRESS_TEXT, NULL, 0,
                    NI_NUMERICHOST) == 0)
        out->count += 1;
}

static void ask(const char *host, cp_addresses *out)
{
    const struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    struct addrinfo *all = NULL;
    int error = getaddrinfo(host, NULL, &hints, &all);

    memset(out, 0, sizeof *out);
    for (const struct addrinfo *each = all; each && out->count < CP_ADDRESSES; each = each->ai_next)
        keep_address(out, each);
    if (all != NULL)
        freeaddrinfo(all);
    if (out->count == 0)
        snprintf(out->error, sizeof out->error, "%s", error ? gai_strerror(error) : "no address");
}

static void unlink_inquiry(inquiry *self)
{
    inquiry **link = &inquiries;

    while (*link != self)
        link = &(*link)->next;
    *link = self->next;
}

static void *run(void *arg)
{
    inquiry *self = arg;
    cp_addresses found;
    bool is_wanted;

    ask(self->host, &found);
    pthread_mutex_lock(&lock);
    self->found = found;
    self->is_ready = true;
    is_wanted = self->loop != NULL;
    if (!is_wanted)
        unlink_inquiry(self);
    pthread_mutex_unlock(&lock);
    if (is_wanted)
        cp_loop_wake(); /* the network thread frees it */
    else
        free(self);
    return NULL;
}

static bool start_thread(inquiry *self)
{
    pthread_attr_t attributes;
    sigset_t all, old;
    pthread_t thread;
    bool started;

    if (pthread_attr_init(&attributes) != 0)
        return false;
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, STACK);
    sigfillset(&all); /* signals are for Python's threads */
    pthread_sigmask(SIG_SETMASK, &all, &old);
    started = pthread_create(&thread, &attributes, run, self) == 0;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attributes);
    return started;
}

/* ---- asking */

static bool is_address(const char *host)
{
    unsigned char scrap[sizeof(struct in6_addr)];

    return inet_pton(AF_INET, host, scrap) == 1 || inet_pton(AF_INET6, host, scrap) == 1;
}

/* Under the lock. */
static inquiry *find_inquiry(const cp_loop *loop, const char *host)
{
    for (inquiry *each = inquiries; each != NULL; each = each->next) {
        if (each->loop == loop && !each->is_ready && strcmp(each->host, host) == 0)
            return each;
    }
    return NULL;
}

/* Under the lock, which the new thread takes only when it has an answer. */
static cp_status start_inquiry(cp_loop *loop, const char *host, inquiry **out)
{
    inquiry *self = *out = calloc(1, sizeof *self);

    if (self == NULL)
        return CP_ERR_NOMEM;
    snprintf(self->host, sizeof self->host, "%s", host);
    self->loop = loop;
    if (!start_thread(self)) {
        free(self);
        *out = NULL;
        return CP_ERR_SYSTEM;
    }
    self->next = inquiries;
    inquiries = self;
    return CP_OK;
}

/* Joins those who wait for this name already. */
static cp_status queue(cp_lookup *self, cp_loop *loop, const char *host)
{
    cp_status status = CP_OK;
    inquiry *asked;

    pthread_mutex_lock(&lock);
    asked = find_inquiry(loop, host);
    if (asked == NULL)
        status = start_inquiry(loop, host, &asked);
    if (status == CP_OK) {
        self->next = asked->waiting;
        asked->waiting = self;
    }
    pthread_mutex_unlock(&lock);
    return status;
}

cp_status cp_lookup_start(cp_loop *loop, const char *host, void *owner, cp_lookup_done done,
                          cp_addresses *now, cp_lookup **out)
{
    cp_lookup *self;
    cp_status status;

    *out = NULL;
    memset(now, 0, sizeof *now);
    if (is_address(host)) {
        snprintf(now->text[0], CP_ADDRESS_TEXT, "%s", host);
        now->count = 1;
        return CP_OK;
    }
    self = calloc(1, sizeof *self);
    if (self == NULL)
        return CP_ERR_NOMEM;
    self->owner = owner;
    self->done = done;
    status = queue(self, loop, host);
    if (status == CP_OK)
        *out = self;
    else
        free(self);
    return status;
}

void cp_lookup_cancel(cp_lookup *self)
{
    if (self != NULL)
        self->owner = NULL; /* read and freed by this thread alone */
}

/* ---- answers, on the network thread */

static inquiry *take_ready(const cp_loop *loop)
{
    inquiry *self;

    pthread_mutex_lock(&lock);
    for (self = inquiries; self != NULL; self = self->next) {
        if (self->loop == loop && self->is_ready) {
            unlink_inquiry(self);
            break;
        }
    }
    pthread_mutex_unlock(&lock);
    return self;
}

void cp_lookups_deliver(cp_loop *loop)
{
    inquiry *self;

    while ((self = take_ready(loop)) != NULL) {
        while (self->waiting != NULL) {
            cp_lookup *lookup = self->waiting;

            self->waiting = lookup->next;
            if (lookup->owner != NULL)
                lookup->done(lookup->owner, &self->found);
            free(lookup);
        }
        free(self);
    }
}

static void forget_waiting(inquiry *self)
{
    while (self->waiting != NULL) {
        cp_lookup *lookup = self->waiting;

        self->waiting = lookup->next;
        free(lookup);
    }
}

void cp_lookups_forget(cp_loop *loop)
{
    inquiry **link = &inquiries;

    pthread_mutex_lock(&lock);
    while (*link != NULL) {
        inquiry *self = *link;

        if (self->loop != loop) {
            link = &self->next;
            continue;
        }
        forget_waiting(self);
        self->loop = NULL; /* its thread frees it when it comes back ... */
        if (self->is_ready) { /* ... or has been back already */
            *link = self->next;
            free(self);
        } else {
            link = &self->next;
        }
    }
    pthread_mutex_unlock(&lock);
}

void cp_lookups_forked(void)
{
    pthread_mutex_init(&lock, NULL); /* whoever held it is not here */
    inquiries = NULL;                /* nor are their threads; leaked */
}
