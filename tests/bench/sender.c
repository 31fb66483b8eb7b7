/* Sends presence frames to whoever connects, as fast as they are taken or paced.
 *
 *     sender [--tls CERTIFICATE KEY] [--users N] [--listed N]
 *
 * says {"port": N} on its standard output, {"open": true} for each socket that orders reach, and
 * obeys lines of its standard input:
 *
 *     go FRAMES RATE [STAMPS]    to every open socket; RATE 0: without a pause; STAMPS: a file for
 *                                the nanosecond (CLOCK_MONOTONIC) at which each frame was sent
 *
 *     pings                      says how far apart the pings of each socket were since the last
 *                                time: {"pings": N, "p50_ms": …, "p99_ms": …, "most_ms": …}
 *     drop                       every open socket; says {"dropped": N}
 *
 * Each socket goes on where it was, so that users go on taking turns; it says {"sent": N,
 * "seconds": S} when done.  Linux only. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "answers.h"
#include "frames.h"
#include "gaps.h"
#include "stream.h"

#define BATCH 65536 /* bytes of one write */
#define NS_PER_SEC INT64_C(1000000000)

typedef struct order {
    uint64_t frames;
    double rate;
    char stamps[256];
} order;

typedef struct peer {
    stream stream;
    int bell; /* rung when there is a new order */
    uint64_t number; /* of the next frame */
    int64_t pinged;  /* when; 0: not yet */
    struct peer *next;
} peer;

static site here;
static uint32_t users = 1000;
static SSL_CTX *tls;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards what follows */
static peer *peers;
static order latest;

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * NS_PER_SEC + now.tv_nsec;
}

/* ---- what a peer sends */

static void note_ping(peer *self)
{
    int64_t now = now_ns();
    if (self->pinged != 0)
        gaps_note((double)(now - self->pinged) / 1e6);
    self->pinged = now;
}

static bool send_text(peer *self, int opcode, const char *text, size_t length)
{
    char frame[2 + 125] = {(char)(0x80 | opcode), (char)length};
    memcpy(frame + 2, text, length);
    return stream_write(&self->stream, frame, length + 2);
}

static bool answer_frame(peer *self, int opcode, const char *text, size_t length)
{
    static const char in[] = "{\"appId\":\"app1\",\"type\":\"auth\",\"sender\":\"bench\","
                             "\"body\":{\"code\":\"200\",\"status\":\"OK\"}}";
    static const char pong[] = "{\"action\":\"pong\"}";
    if (opcode == 8)
        return false;
    if (opcode == 9)
        return length <= 125 && send_text(self, 10, text, length);
    if (opcode == 1 && memmem(text, length, "\"auth\"", 6))
        return send_text(self, 1, in, sizeof in - 1);
    if (opcode == 1 && memmem(text, length, "\"ping\"", 6)) {
        note_ping(self);
        return send_text(self, 1, pong, sizeof pong - 1);
    }
    return true;
}

/* Answers the frames in the buffer; what they have in common is that they are short. */
static bool answer_frames(peer *self)
{
    stream *from = &self->stream;
    for (;;) {
        const unsigned char *in = (const unsigned char *)from->in;
        size_t length = from->have > 1 ? in[1] & 0x7f : 0;
        size_t head = length == 126 ? 8 : 6;
        if (length == 127)
            return false;
        if (from->have < head)
            return true;
        if (length == 126)
            length = (size_t)in[2] << 8 | in[3];
        if (from->have < head + length)
            return true;
        for (size_t i = 0; i < length; i++)
            from->in[head + i] ^= from->in[head - 4 + i % 4];
        if (!answer_frame(self, in[0] & 15, from->in + head, length))
            return false;
        stream_take(from, head + length);
    }
}

static bool answer_what_came(peer *self)
{
    while (stream_is_readable(&self->stream))
        if (!stream_read_more(&self->stream) || !answer_frames(self))
            return false;
    return true;
}

/* ---- what is sent */

static bool send_at_once(peer *self, uint64_t frames)
{
    char batch[BATCH + FRAME_MAX];
    for (uint64_t last = self->number + frames; self->number < last;) {
        size_t length = 0;
        while (length < BATCH && self->number < last)
            length += frame_write(self->number++, users, batch + length);
        if (!stream_write(&self->stream, batch, length) || !answer_what_came(self))
            return false;
    }
    return true;
}

static void sleep_until(int64_t when)
{
    struct timespec at = {when / NS_PER_SEC, when % NS_PER_SEC};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
}

static bool send_paced(peer *self, const order *order, int64_t *stamps)
{
    char frame[FRAME_MAX];
    int64_t start = now_ns();
    for (uint64_t i = 0; i < order->frames; i++) {
        size_t length = frame_write(self->number++, users, frame);
        sleep_until(start + (int64_t)((double)i * NS_PER_SEC / order->rate));
        stamps[i] = now_ns();
        if (!stream_write(&self->stream, frame, length) || !answer_what_came(self))
            return false;
    }
    return true;
}

static bool obey(peer *self, const order *order)
{
    int64_t start = now_ns();
    if (order->rate <= 0) {
        if (!send_at_once(self, order->frames))
            return false;
    } else {
        int64_t *stamps = calloc(order->frames, sizeof *stamps);
        FILE *file = *order->stamps ? fopen(order->stamps, "wb") : NULL;
        bool sent = send_paced(self, order, stamps);
        if (file) {
            fwrite(stamps, sizeof *stamps, order->frames, file);
            fclose(file);
        }
        free(stamps);
        if (!sent)
            return false;
    }
    printf("{\"sent\": %" PRIu64 ", \"seconds\": %.6f}\n", order->frames,
           (double)(now_ns() - start) / NS_PER_SEC);
    return true;
}

/* ---- a connection, on a thread of its own */

static void enter(peer *self)
{
    pthread_mutex_lock(&lock);
    self->next = peers;
    peers = self;
    pthread_mutex_unlock(&lock);
}

static void leave(peer *self)
{
    pthread_mutex_lock(&lock);
    peer **at = &peers;
    while (*at != self)
        at = &(*at)->next;
    *at = self->next;
    pthread_mutex_unlock(&lock);
}

static void serve_socket(peer *self)
{
    struct pollfd both[2] = {{.fd = self->stream.fd, .events = POLLIN},
                             {.fd = self->bell, .events = POLLIN}};
    uint64_t rings;
    order order;
    while (answer_frames(self) && answer_what_came(self) && poll(both, 2, -1) > 0) {
        if (!(both[1].revents & POLLIN))
            continue;
        if (read(self->bell, &rings, sizeof rings) < 0)
            break;
        pthread_mutex_lock(&lock);
        order = latest;
        pthread_mutex_unlock(&lock);
        if (!obey(self, &order))
            break;
    }
}

static void *serve(void *argument)
{
    peer *self = calloc(1, sizeof *self);
    if (stream_init(&self->stream, (int)(intptr_t)argument, tls) &&
        answer_requests(&self->stream, &here)) {
        self->bell = eventfd(0, 0);
        enter(self);
        printf("{\"open\": true}\n");
        serve_socket(self);
        leave(self);
        close(self->bell);
    }
    stream_destroy(&self->stream);
    free(self);
    return NULL;
}

static void *welcome(void *argument)
{
    int door = (int)(intptr_t)argument;
    pthread_attr_t small;
    pthread_t thread;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 256 * 1024);
    pthread_attr_setdetachstate(&small, PTHREAD_CREATE_DETACHED);
    for (int fd; (fd = accept(door, NULL, NULL)) >= 0;)
        if (pthread_create(&thread, &small, serve, (void *)(intptr_t)fd) != 0)
            close(fd);
    perror("sender: accept");
    exit(1);
}

/* ---- the program */

static void pass_on(const order *given)
{
    pthread_mutex_lock(&lock);
    latest = *given;
    for (peer *each = peers; each; each = each->next)
        eventfd_write(each->bell, 1);
    pthread_mutex_unlock(&lock);
}

static void drop_all(void)
{
    unsigned count = 0;
    pthread_mutex_lock(&lock);
    for (peer *each = peers; each; each = each->next, count++)
        shutdown(each->stream.fd, SHUT_RDWR);
    pthread_mutex_unlock(&lock);
    printf("{\"dropped\": %u}\n", count);
}

static void give_order(const char *line)
{
    order given = {0};
    if (strcmp(line, "pings\n") == 0) {
        gaps_tell();
    } else if (strcmp(line, "drop\n") == 0) {
        drop_all();
    } else if (sscanf(line, "go %" SCNu64 " %lf %255s", &given.frames, &given.rate, given.stamps) >=
               2) {
        pass_on(&given);
    } else {
        fprintf(stderr, "sender: what is %s", line);
        exit(2);
    }
}

static int open_door(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof at;
    int door = socket(AF_INET, SOCK_STREAM, 0);
    if (door < 0 || bind(door, (struct sockaddr *)&at, size) < 0 || listen(door, 4096) < 0 ||
        getsockname(door, (struct sockaddr *)&at, &size) < 0) {
        perror("sender");
        exit(1);
    }
    here.port = ntohs(at.sin_port);
    return door;
}

static void use_certificate(const char *certificate, const char *key)
{
    tls = SSL_CTX_new(TLS_server_method());
    if (SSL_CTX_use_certificate_chain_file(tls, certificate) != 1 ||
        SSL_CTX_use_PrivateKey_file(tls, key, SSL_FILETYPE_PEM) != 1) {
        fprintf(stderr, "sender: the certificate cannot be used\n");
        exit(1);
    }
}

static void read_arguments(char **argument)
{
    for (; *argument; argument++) {
        if (strcmp(*argument, "--tls") == 0 && argument[1] && argument[2]) {
            use_certificate(argument[1], argument[2]);
            argument += 2;
        } else if (strcmp(*argument, "--users") == 0 && argument[1]) {
            users = (uint32_t)strtoul(*++argument, NULL, 10);
        } else if (strcmp(*argument, "--listed") == 0 && argument[1]) {
            here.listed = (uint32_t)strtoul(*++argument, NULL, 10);
        } else {
            fprintf(stderr, "sender: what is %s?\n", *argument);
            exit(2);
        }
    }
    if (users < 1 || users > USERS_MAX || here.listed > USERS_MAX) {
        fprintf(stderr, "sender: 1 to %d users\n", USERS_MAX);
        exit(2);
    }
}

int main(int argc, char **argv)
{
    char line[512];
    pthread_t thread;
    (void)argc;
    setvbuf(stdout, NULL, _IOLBF, 0);
    read_arguments(argv + 1);
    frames_prepare();
    int door = open_door();
    pthread_create(&thread, NULL, welcome, (void *)(intptr_t)door);
    printf("{\"port\": %u}\n", (unsigned)here.port);
    while (fgets(line, sizeof line, stdin))
        give_order(line);
    return 0;
}
