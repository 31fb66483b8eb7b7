#include "net/reader.h"

#include <stdlib.h>

#include "net/condition.h"
#include "net/connection_parts.h"

struct cp_reader {
    cp_connection *connection; /* a hold on it; its lock guards the rest */
    cp_feed *feed;             /* NULL: closed */
    cp_feed_counts counts;     /* of a closed one */
    pthread_cond_t news;
    unsigned sleeping;
    bool on_bell;
    cp_reader *next, **link; /* of the connection's */
};

/* ---- opened and closed */

/* Under the lock. */
static void join_in(cp_reader *self, cp_connection *connection)
{
    self->next = connection->readers;
    self->link = &connection->readers;
    if (self->next != NULL)
        self->next->link = &self->next;
    connection->readers = self;
}

cp_status cp_reader_open(cp_connection *connection, const cp_reader_options *options,
                         cp_reader **out)
{
    cp_reader *self;

    *out = NULL;
    if (cp_connection_is_foreign(connection))
        return CP_ERR_FORKED;
    self = calloc(1, sizeof *self);
    if (self == NULL || !cp_condition_init(&self->news)) {
        free(self);
        return CP_ERR_NOMEM;
    }
    self->on_bell = options->on_bell;
    pthread_mutex_lock(&connection->lock);
    self->feed = cp_roster_open_feed(connection->roster, options->size, options->overflow,
                                     options->with_snapshot);
    if (self->feed != NULL) {
        join_in(self, connection);
        self->connection = connection;
        cp_connection_hold(connection);
    }
    pthread_mutex_unlock(&connection->lock);
    if (self->feed == NULL) {
        pthread_cond_destroy(&self->news);
        free(self);
        return CP_ERR_NOMEM;
    }
    *out = self;
    return CP_OK;
}

void cp_reader_close(cp_reader *self)
{
    cp_connection *connection = self->connection;
    cp_feed *feed;

    if (cp_connection_is_foreign(connection))
        return;
    pthread_mutex_lock(&connection->lock);
    feed = self->feed;
    self->feed = NULL;
    if (feed != NULL) {
        self->counts = cp_feed_counts_of(feed);
        cp_roster_close_feed(connection->roster, feed);
        *self->link = self->next;
        if (self->next != NULL)
            self->next->link = self->link;
        pthread_cond_broadcast(&self->news);
    }
    pthread_mutex_unlock(&connection->lock);
    cp_feed_free(feed);
}

void cp_reader_free(cp_reader *self)
{
    if (self == NULL || cp_connection_is_foreign(self->connection))
        return; /* a forked child frees nothing */
    cp_reader_close(self);
    pthread_cond_destroy(&self->news);
    cp_connection_let_go(self->connection);
    free(self);
}

/* ---- reading */

size_t cp_reader_take(cp_reader *self, cp_change *out, size_t max)
{
    size_t taken = 0;
    bool more = max > 0;

    if (cp_connection_is_foreign(self->connection))
        return 0;
    while (taken == 0 && more) { /* a walk past many who are offline, others getting their turn */
        pthread_mutex_lock(&self->connection->lock);
        if (self->feed != NULL)
            taken = cp_feed_take(self->feed, out, max);
        more = self->feed != NULL && cp_feed_has_changes(self->feed);
        pthread_mutex_unlock(&self->connection->lock);
    }
    return taken;
}

/* Under the lock.  CP_ERR_TIMEOUT: nothing yet. */
static cp_status outlook(const cp_reader *self)
{
    const cp_connection *connection = self->connection;

    if (self->feed == NULL)
        return CP_ERR_CLOSED;
    if (cp_feed_has_changes(self->feed))
        return CP_OK;
    if (cp_feed_has_overflowed(self->feed))
        return CP_ERR_OVERFLOW;
    if (connection->is_over || connection->facts.state == CP_STATE_CLOSED)
        return CP_ERR_CLOSED;
    if (connection->facts.state == CP_STATE_REFUSED)
        return CP_ERR_REFUSED;
    return CP_ERR_TIMEOUT;
}

cp_status cp_reader_wait(cp_reader *self, cp_usec most)
{
    pthread_mutex_t *lock = &self->connection->lock;
    cp_usec now = cp_network_now();
    cp_usec end = most < CP_NEVER - now ? now + most : CP_NEVER;
    cp_status status;

    if (cp_connection_is_foreign(self->connection))
        return CP_ERR_FORKED;
    pthread_mutex_lock(lock);
    self->sleeping += 1;
    do {
        status = outlook(self);
    } while (status == CP_ERR_TIMEOUT && cp_condition_wait(&self->news, lock, end));
    self->sleeping -= 1;
    pthread_mutex_unlock(lock);
    return status;
}

void cp_connection_wake_readers(cp_connection *self)
{
    for (cp_reader *reader = self->readers; reader != NULL; reader = reader->next) {
        if ((reader->sleeping == 0 && !reader->on_bell) || outlook(reader) == CP_ERR_TIMEOUT)
            continue;
        if (reader->on_bell)
            cp_connection_ring(self);
        pthread_cond_broadcast(&reader->news);
    }
}

/* ---- looking */

void cp_reader_refusal(cp_reader *self, cp_failure *out)
{
    cp_connection_refusal(self->connection, out);
}

bool cp_reader_is_closed(cp_reader *self)
{
    bool is_closed;

    if (cp_connection_is_foreign(self->connection))
        return true;
    pthread_mutex_lock(&self->connection->lock);
    is_closed = self->feed == NULL;
    pthread_mutex_unlock(&self->connection->lock);
    return is_closed;
}

bool cp_reader_has_news(cp_reader *self)
{
    bool has_news;

    if (cp_connection_is_foreign(self->connection))
        return true;
    pthread_mutex_lock(&self->connection->lock);
    has_news = outlook(self) != CP_ERR_TIMEOUT;
    pthread_mutex_unlock(&self->connection->lock);
    return has_news;
}

cp_feed_counts cp_reader_counts(cp_reader *self)
{
    cp_feed_counts counts = {0};

    if (cp_connection_is_foreign(self->connection))
        return counts;
    pthread_mutex_lock(&self->connection->lock);
    counts = self->feed ? cp_feed_counts_of(self->feed) : self->counts;
    pthread_mutex_unlock(&self->connection->lock);
    return counts;
}
