#include "net/bell.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdint.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/eventfd.h>

cp_status cp_bell_make(cp_bell *self)
{
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

    *self = (cp_bell){fd, fd};
    return fd < 0 ? CP_ERR_SYSTEM : CP_OK;
}
#else
static bool prepare(int fd)
{
    return fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 && fcntl(fd, F_SETFL, O_NONBLOCK) == 0;
}

cp_status cp_bell_make(cp_bell *self)
{
    int ends[2];

    *self = CP_NO_BELL;
    if (pipe(ends) != 0)
        return CP_ERR_SYSTEM;
    *self = (cp_bell){ends[0], ends[1]};
    if (prepare(ends[0]) && prepare(ends[1]))
        return CP_OK;
    cp_bell_destroy(self);
    return CP_ERR_SYSTEM;
}
#endif

void cp_bell_destroy(cp_bell *self)
{
    if (self->write_fd >= 0 && self->write_fd != self->read_fd)
        close(self->write_fd);
    if (self->read_fd >= 0)
        close(self->read_fd);
    *self = CP_NO_BELL;
}

void cp_bell_ring(cp_bell *self)
{
    const uint64_t one = 1;
    ssize_t written;

    if (self->write_fd < 0)
        return;
    do {
        written = write(self->write_fd, &one, sizeof one);
    } while (written < 0 && errno == EINTR);
    /* EAGAIN: it is ringing already. */
}

void cp_bell_hush(cp_bell *self)
{
    char scrap[64];

    if (self->read_fd < 0)
        return;
    while (read(self->read_fd, scrap, sizeof scrap) == (ssize_t)sizeof scrap || errno == EINTR)
        errno = 0;
}

cp_status cp_bell_listen(const cp_bell *self, cp_usec most)
{
    struct pollfd bell = {.fd = self->read_fd, .events = POLLIN};
    cp_usec most_ms = most == CP_NEVER ? -1 : (most + CP_USEC_PER_MS - 1) / CP_USEC_PER_MS;
    int ready = poll(&bell, 1, most_ms > INT_MAX ? INT_MAX : (int)most_ms);

    if (ready < 0)
        return CP_ERR_SYSTEM;
    return ready > 0 ? CP_OK : CP_ERR_TIMEOUT;
}
