/* The floor of floors: recv() in a loop, and the WebSocket headers looked at to count. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "floor.h"

#define OPENED "\r\n\r\n"

static char room[65536];
static size_t have;

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static int connect_to(unsigned port)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int yes = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof at) < 0)
        fail("floor: connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    return fd;
}

static void read_more(int fd)
{
    ssize_t got = recv(fd, room + have, sizeof room - have, 0);
    if (got <= 0)
        fail("floor: recv");
    have += (size_t)got;
}

static void take(size_t length)
{
    have -= length;
    memmove(room, room + length, have);
}

static void open_socket(int fd)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
                                  "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                                  "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==" OPENED;
    char *end;
    if (send(fd, request, sizeof request - 1, 0) < 0)
        fail("floor: send");
    while (!(end = memmem(room, have, OPENED, 4)))
        read_more(fd);
    take((size_t)(end - room) + 4);
}

/* The frames in the buffer; what is left begins one. */
static unsigned count_frames(void)
{
    const unsigned char *at = (unsigned char *)room, *end = at + have;
    unsigned count = 0;
    while (end - at >= 4) {
        size_t length = at[1] == 126 ? 4 + ((size_t)at[2] << 8 | at[3]) : 2 + (size_t)at[1];
        if ((size_t)(end - at) < length)
            break;
        at += length;
        count++;
    }
    take((size_t)((char *)at - room));
    return count;
}

int main(int argc, char **argv)
{
    floor self;
    (void)argc;
    floor_read(&self, argv + 1);
    int fd = connect_to(self.port);
    open_socket(fd);
    floor_ready(&self);
    for (;;) {
        read_more(fd);
        floor_heard(&self, count_frames());
    }
}
