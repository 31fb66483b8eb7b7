#include "stream.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

bool stream_init(stream *self, int fd, SSL_CTX *tls)
{
    int yes = 1;
    self->fd = fd;
    self->tls = NULL;
    self->have = 0;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (tls == NULL)
        return true;
    self->tls = SSL_new(tls);
    return self->tls != NULL && SSL_set_fd(self->tls, fd) == 1 && SSL_accept(self->tls) == 1;
}

void stream_destroy(stream *self)
{
    SSL_free(self->tls);
    close(self->fd);
}

bool stream_read_more(stream *self)
{
    size_t room = sizeof self->in - self->have;
    char *to = self->in + self->have;
    ssize_t got = 0;
    if (room > 0)
        got = self->tls ? SSL_read(self->tls, to, (int)room) : read(self->fd, to, room);
    if (got <= 0)
        return false;
    self->have += (size_t)got;
    return true;
}

bool stream_write(stream *self, const char *data, size_t length)
{
    while (length > 0) {
        ssize_t sent = self->tls ? SSL_write(self->tls, data, (int)length)
                                 : send(self->fd, data, length, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        data += sent;
        length -= (size_t)sent;
    }
    return true;
}

void stream_take(stream *self, size_t length)
{
    self->have -= length;
    memmove(self->in, self->in + length, self->have);
}

bool stream_is_readable(const stream *self)
{
    struct pollfd one = {.fd = self->fd, .events = POLLIN};
    return (self->tls && SSL_pending(self->tls) > 0) || poll(&one, 1, 0) > 0;
}
