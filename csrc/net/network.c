#include "net/network.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "net/inherited.h"
#include "net/resolver.h"
#include "net/loop.h"

#define RESPONSE_HEADERS 16384   /* lws's own default of 4 KB refuses honest servers */
#define DESCRIPTORS_KNOWN 1048576 /* above this lws would build its tables for all of them */
#define DESCRIPTORS_ASSUMED 65536

typedef struct vhost {
    bool tls;
    char *ca_file;
    SSL_CTX *ssl;
    struct lws_vhost *lws;
    struct vhost *next;
} vhost;

struct cp_loop {
    struct lws_context *context;
    vhost *vhosts;
    /* Under the network's lock: */
    cp_guest *guests;
    cp_guest *knocking, **last_knocking;
    bool is_leaving; /* everybody was told to */
    unsigned char room[LWS_PRE + CP_LOOP_SCRATCH];
};

/* What the process knows of its network thread.  A thread that has nobody left is no
 * longer `current`, and ends by itself while the next one may already be running. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t fewer; /* threads */
    unsigned threads;
    cp_loop *current;
} network = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, NULL};

static atomic_uint epoch;

static const struct lws_protocols protocols[] = {
    {.name = "cometpresence", .callback = cp_wire_callback, .rx_buffer_size = CP_LOOP_SCRATCH},
    {.name = NULL},
};

/* ---- context */

static struct lws_context_creation_info describe(void)
{
    struct lws_context_creation_info info;

    memset(&info, 0, sizeof info);
    info.port = CONTEXT_PORT_NO_LISTEN;
    info.protocols = protocols;
    info.options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS | LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT |
                   LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS;
    info.http_proxy_address = ""; /* or lws obeys the environment */
    info.pt_serv_buf_size = CP_LOOP_SCRATCH;
    info.max_http_header_data2 = RESPONSE_HEADERS;
    info.max_http_header_pool2 = DESCRIPTORS_ASSUMED; /* made as needed */
    info.timeout_secs = 3600;                         /* ours are shorter, and reported */
    info.connect_timeout_secs = 3600;
    return info;
}

static struct lws_context *make_context(void)
{
    struct lws_context_creation_info info = describe();
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur > DESCRIPTORS_KNOWN)
        info.fd_limit_per_thread = DESCRIPTORS_ASSUMED;
    lws_set_log_level(0, NULL); /* every failure is reported in our own words */
    return lws_create_context(&info);
}

static void free_vhosts(cp_loop *self)
{
    while (self->vhosts != NULL) {
        vhost *gone = self->vhosts;

        self->vhosts = gone->next;
        SSL_CTX_free(gone->ssl);
        free(gone->ca_file);
        free(gone);
    }
}

/* ---- the thread */

/* Under the lock: the oldest that knocked. */
static cp_guest *next_knocking(cp_loop *self)
{
    cp_guest *guest = self->knocking;

    if (guest == NULL)
        return NULL;
    self->knocking = guest->next_knocking;
    if (self->knocking == NULL)
        self->last_knocking = &self->knocking;
    guest->is_knocking = false;
    return guest;
}

static void serve_knocking(cp_loop *self)
{
    for (;;) {
        cp_guest *guest;

        pthread_mutex_lock(&network.lock);
        guest = next_knocking(self);
        pthread_mutex_unlock(&network.lock);
        if (guest == NULL)
            return;
        guest->serve(guest);
    }
}

static bool nobody_is_left(cp_loop *self)
{
    bool nobody;

    pthread_mutex_lock(&network.lock);
    nobody = self->guests == NULL;
    if (nobody && network.current == self)
        network.current = NULL; /* from here on nobody enters or wakes it */
    pthread_mutex_unlock(&network.lock);
    return nobody;
}

static void *run(void *arg)
{
    cp_loop *self = arg;

    while (!nobody_is_left(self)) {
        if (lws_service(self->context, 0) < 0)
            break;
        serve_knocking(self);
        cp_lookups_deliver(self);
    }
    cp_lookups_forget(self);
    lws_context_destroy(self->context);
    free_vhosts(self);
    pthread_mutex_lock(&network.lock);
    free(self);
    network.threads -= 1;
    pthread_cond_broadcast(&network.fewer);
    pthread_mutex_unlock(&network.lock);
    return NULL;
}

/* Signals are for Python's threads. */
static bool start_thread(cp_loop *self)
{
    sigset_t all, old;
    pthread_t thread;
    bool started;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    started = pthread_create(&thread, NULL, run, self) == 0;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (started)
        pthread_detach(thread);
    return started;
}

/* Under the lock. */
static cp_loop *start_loop(void)
{
    cp_loop *self = calloc(1, sizeof *self);

    if (self == NULL)
        return NULL;
    self->last_knocking = &self->knocking;
    self->context = make_context();
    if (self->context != NULL && start_thread(self)) {
        network.threads += 1;
        return self;
    }
    if (self->context != NULL)
        lws_context_destroy(self->context);
    free(self);
    return NULL;
}

/* ---- guests */

/* Under the lock.  The guest stands in the list before the thread looks whether anybody
 * is left, because it has to take the lock for that. */
static void let_in(cp_loop *self, cp_guest *guest)
{
    guest->loop = self;
    guest->is_knocking = false;
    guest->next = self->guests;
    guest->link = &self->guests;
    if (guest->next != NULL)
        guest->next->link = &guest->next;
    self->guests = guest;
}

cp_status cp_loop_enter(cp_guest *guest)
{
    cp_status status = CP_ERR_SYSTEM;

    pthread_mutex_lock(&network.lock);
    if (network.current == NULL)
        network.current = start_loop();
    if (network.current != NULL) {
        let_in(network.current, guest);
        status = CP_OK;
    }
    pthread_mutex_unlock(&network.lock);
    return status;
}

void cp_loop_exit(cp_guest *guest)
{
    pthread_mutex_lock(&network.lock);
    if (guest->is_knocking) {
        cp_guest **link = &guest->loop->knocking;

        while (*link != guest)
            link = &(*link)->next_knocking;
        *link = guest->next_knocking;
        if (*link == NULL)
            guest->loop->last_knocking = link;
        guest->is_knocking = false;
    }
    *guest->link = guest->next;
    if (guest->next != NULL)
        guest->next->link = guest->link;
    lws_cancel_service(guest->loop->context); /* to look whether anybody is left */
    guest->loop = NULL;
    pthread_mutex_unlock(&network.lock);
}

/* Under the lock. */
static void knock(cp_guest *guest)
{
    cp_loop *loop = guest->loop;

    if (guest->is_knocking)
        return;
    guest->is_knocking = true;
    guest->next_knocking = NULL;
    *loop->last_knocking = guest;
    loop->last_knocking = &guest->next_knocking;
    lws_cancel_service(loop->context);
}

bool cp_loop_knock(cp_guest *guest)
{
    bool is_here;

    pthread_mutex_lock(&network.lock);
    is_here = guest->loop != NULL;
    if (is_here)
        knock(guest);
    pthread_mutex_unlock(&network.lock);
    return is_here;
}

void cp_loop_wake(void)
{
    pthread_mutex_lock(&network.lock);
    if (network.current != NULL)
        lws_cancel_service(network.current->context);
    pthread_mutex_unlock(&network.lock);
}

struct lws_context *cp_loop_context(cp_loop *self)
{
    return self->context;
}

unsigned char *cp_loop_scratch(cp_loop *self)
{
    return self->room + LWS_PRE;
}

/* ---- vhosts */

static void set_tls_failure(cp_failure *failure, const char *ca_file)
{
    char words[128];

    ERR_error_string_n(ERR_get_error(), words, sizeof words);
    ERR_clear_error();
    cp_failure_set(failure, CP_FAILURE_TLS, "ERR_TLS", "the certificates in %s cannot be used (%s)",
                   ca_file ? ca_file : "the system's store", words);
}

static SSL_CTX *make_ssl(const char *ca_file)
{
    SSL_CTX *self = SSL_CTX_new(TLS_client_method());
    bool is_loaded;

    if (self == NULL)
        return NULL;
    SSL_CTX_set_min_proto_version(self, TLS1_2_VERSION);
    SSL_CTX_set_options(self, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_mode(self, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                               SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_verify(self, SSL_VERIFY_PEER, NULL);
    is_loaded = ca_file ? SSL_CTX_load_verify_locations(self, ca_file, NULL) == 1
                        : SSL_CTX_set_default_verify_paths(self) == 1;
    if (is_loaded)
        return self;
    SSL_CTX_free(self);
    return NULL;
}

static bool is_for(const vhost *self, bool tls, const char *ca_file)
{
    if (self->tls != tls)
        return false;
    if (!tls || self->ca_file == NULL || ca_file == NULL)
        return !tls || self->ca_file == ca_file;
    return strcmp(self->ca_file, ca_file) == 0;
}

static struct lws_vhost *make_lws_vhost(cp_loop *loop, SSL_CTX *ssl)
{
    struct lws_context_creation_info info = describe();

    info.vhost_name = "client";
    info.provided_client_ssl_ctx = ssl;
    return lws_create_vhost(loop->context, &info);
}

struct lws_vhost *cp_loop_vhost(cp_loop *self, bool tls, const char *ca_file, cp_failure *failure)
{
    vhost *made;

    for (vhost *each = self->vhosts; each != NULL; each = each->next) {
        if (is_for(each, tls, ca_file))
            return each->lws;
    }
    made = calloc(1, sizeof *made);
    if (made == NULL)
        return NULL;
    made->tls = tls;
    made->ca_file = ca_file ? strdup(ca_file) : NULL;
    made->ssl = make_ssl(tls ? ca_file : NULL);
    if (made->ssl == NULL) {
        set_tls_failure(failure, ca_file);
    } else if ((made->lws = make_lws_vhost(self, made->ssl)) != NULL) {
        made->next = self->vhosts;
        self->vhosts = made;
        return made->lws;
    }
    SSL_CTX_free(made->ssl);
    free(made->ca_file);
    free(made);
    return NULL;
}

/* ---- the process */

cp_usec cp_network_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * CP_USEC_PER_SEC + now.tv_nsec / 1000;
}

static void tell_all_to_leave(void)
{
    cp_loop *self = network.current;

    if (self == NULL || self->is_leaving)
        return;
    self->is_leaving = true;
    for (cp_guest *guest = self->guests; guest != NULL; guest = guest->next) {
        guest->serve = guest->leave;
        knock(guest);
    }
}

cp_status cp_network_shutdown(cp_usec most)
{
    cp_usec end = cp_network_now() + most;
    bool is_over;

    pthread_mutex_lock(&network.lock);
    tell_all_to_leave();
    while (network.threads > 0 && cp_network_now() < end) {
        struct timespec soon;

        clock_gettime(CLOCK_REALTIME, &soon);
        soon.tv_nsec += 50 * 1000 * 1000;
        if (soon.tv_nsec >= 1000000000L) {
            soon.tv_sec += 1;
            soon.tv_nsec -= 1000000000L;
        }
        pthread_cond_timedwait(&network.fewer, &network.lock, &soon);
    }
    is_over = network.threads == 0;
    pthread_mutex_unlock(&network.lock);
    return is_over ? CP_OK : CP_ERR_TIMEOUT;
}

unsigned cp_network_epoch(void)
{
    return atomic_load(&epoch);
}

void cp_network_forked(void)
{
    atomic_fetch_add(&epoch, 1);
    cp_inherited_close_all();
    cp_lookups_forked();
    /* Whoever held the lock is not here; the thread and its context are leaked. */
    pthread_mutex_init(&network.lock, NULL);
    pthread_cond_init(&network.fewer, NULL);
    network.threads = 0;
    network.current = NULL;
}
