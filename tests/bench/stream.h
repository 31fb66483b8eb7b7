#ifndef BENCH_STREAM_H
#define BENCH_STREAM_H

/* One connection of a peer's, plain or TLS, read through a buffer; blocks. */

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct stream {
    int fd;
    SSL *tls; /* NULL: plain */
    size_t have;
    char in[16384];
} stream;

/* Takes the descriptor; false: no TLS came about. */
bool stream_init(stream *self, int fd, SSL_CTX *tls);
void stream_destroy(stream *self);

/* False: the peer is gone. */
bool stream_read_more(stream *self); /* also when the buffer is full */
bool stream_write(stream *self, const char *data, size_t length);

/* Take `length` bytes off the buffer's front. */
void stream_take(stream *self, size_t length);

/* Whether reading would give something at once. */
bool stream_is_readable(const stream *self);

#endif
