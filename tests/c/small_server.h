/* As much of a server as a login, a socket and a comparison need, on this machine, plain or
 * over TLS with a certificate of its own.  What it says does not depend on what it is asked by
 * whom; alice gets in, bob and zoe are online. */
#ifndef SMALL_SERVER_H
#define SMALL_SERVER_H

#include <arpa/inet.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SERVER_DOORS 6 /* who may be in at once; a client needs two */

typedef struct small_server {
    int listener;
    uint16_t port;
    SSL_CTX *tls; /* NULL: plain */
    char ca_file[32];
    pthread_t doors[SERVER_DOORS];
} small_server;

typedef struct visitor {
    int fd;
    SSL *tls;
} visitor;

/* ---- bytes; false: the visitor is gone */

static inline bool server_reads(const visitor *self, char *out, size_t length)
{
    for (size_t got = 0; got < length;) {
        ssize_t more = self->tls ? SSL_read(self->tls, out + got, (int)(length - got))
                                 : read(self->fd, out + got, length - got);

        if (more <= 0)
            return false;
        got += (size_t)more;
    }
    return true;
}

static inline bool server_writes(const visitor *self, const void *bytes, size_t length)
{
    return self->tls ? SSL_write(self->tls, bytes, (int)length) == (int)length
                     : write(self->fd, bytes, length) == (ssize_t)length;
}

/* ---- the socket */

static inline bool server_sends(const visitor *self, unsigned char first, const char *text)
{
    unsigned char frame[2 + 125];
    size_t length = strlen(text);

    frame[0] = first;
    frame[1] = (unsigned char)length;
    memcpy(frame + 2, text, length);
    return server_writes(self, frame, 2 + length);
}

/* A frame of the client's, which says nothing new; its first byte, or 0: it is gone. */
static inline unsigned char server_hears(const visitor *self)
{
    unsigned char head[8];
    char payload[4096];
    size_t length;

    if (!server_reads(self, (char *)head, 2))
        return 0;
    length = head[1] & 0x7F;
    if (length == 126 && server_reads(self, (char *)head + 2, 2))
        length = (size_t)head[2] << 8 | head[3];
    return length <= sizeof payload - 4 && server_reads(self, payload, 4 + length) ? head[0] : 0;
}

/* Accepted; a ping; and a message in two pieces, which has to be gathered. */
static inline bool server_greets(const visitor *self)
{
    return server_sends(self, 0x81,
                        "{\"type\":\"auth\",\"body\":{\"code\":\"200\",\"status\":\"OK\"}}") &&
           server_sends(self, 0x89, "are you there?") &&
           server_sends(self, 0x01,
                        "{\"type\":\"presence\",\"body\":{\"action\":\"online\",\"timestamp\":") &&
           server_sends(self, 0x80, "1700000000,\"user\":{\"uid\":\"zoe\",\"name\":\"Zoe\"}}}");
}

static inline void server_upgrades(const visitor *self, const char *request)
{
    unsigned char digest[SHA_DIGEST_LENGTH], first;
    char key[128], answer[256], accept[32];

    if (sscanf(strstr(request, "Sec-WebSocket-Key: "), "Sec-WebSocket-Key: %24s", key) != 1)
        return;
    strcat(key, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    SHA1((const unsigned char *)key, strlen(key), digest);
    EVP_EncodeBlock((unsigned char *)accept, digest, sizeof digest);
    snprintf(answer, sizeof answer,
             "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Accept: %s\r\n\r\n",
             accept);
    if (!server_writes(self, answer, strlen(answer)) || server_hears(self) == 0 ||
        !server_greets(self))
        return;
    while ((first = server_hears(self)) != 0) {
        if (first == 0x88) {
            (void)server_sends(self, 0x88, "\x03\xE8"); /* 1000 */
            return;
        }
    }
}

/* ---- requests */

static inline const char *server_knows(const char *request)
{
    if (strstr(request, "/auth_tokens"))
        return "{\"data\":{\"uid\":\"alice\",\"authToken\":\"t1\"}}";
    if (strstr(request, "/me"))
        return "{\"data\":{\"uid\":\"alice\",\"name\":\"Alice\",\"authToken\":\"t1\",\"jwt\":"
               "\"j1\"}}";
    return "{\"data\":[{\"uid\":\"bob\",\"status\":\"available\"},"
           "{\"uid\":\"zoe\",\"status\":\"available\"}],"
           "\"meta\":{\"pagination\":{\"total_pages\":1}}}";
}

static inline void server_answers(const visitor *self, const char *request)
{
    const char *body = server_knows(request);
    char answer[512];

    snprintf(answer, sizeof answer,
             "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
             "Content-Length: %zu\r\n\r\n%s",
             strlen(body), body);
    (void)server_writes(self, answer, strlen(answer));
}

/* Head and body, or nobody would read an answer that comes too soon. */
static inline bool server_is_asked(const visitor *self, char *request, size_t size)
{
    char scrap[4096], *length;
    size_t end = 0;

    while (end < 4 || memcmp(request + end - 4, "\r\n\r\n", 4) != 0) {
        if (end + 1 == size || !server_reads(self, request + end, 1))
            return false;
        request[++end] = '\0';
    }
    length = strstr(request, "Content-Length: ");
    end = length ? strtoul(length + strlen("Content-Length: "), NULL, 10) : 0;
    return end <= sizeof scrap && server_reads(self, scrap, end);
}

static inline void server_receives(const visitor *self)
{
    char request[4096];

    if (self->tls && SSL_accept(self->tls) != 1)
        return;
    if (!server_is_asked(self, request, sizeof request))
        return;
    if (strstr(request, "Sec-WebSocket-Key: "))
        server_upgrades(self, request);
    else
        server_answers(self, request);
    if (self->tls)
        (void)SSL_shutdown(self->tls);
}

static inline void *server_minds_a_door(void *arg)
{
    small_server *self = arg;
    visitor guest;

    while ((guest.fd = accept(self->listener, NULL, NULL)) >= 0) {
        guest.tls = self->tls ? SSL_new(self->tls) : NULL;
        if (guest.tls)
            SSL_set_fd(guest.tls, guest.fd);
        server_receives(&guest);
        SSL_free(guest.tls);
        close(guest.fd);
    }
    return NULL;
}

/* ---- the certificate */

static inline X509 *server_certifies_itself(EVP_PKEY *key)
{
    X509 *self = X509_new();
    X509_NAME *name = X509_get_subject_name(self);
    X509_EXTENSION *address = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "IP:127.0.0.1");

    X509_set_version(self, 2);
    X509_gmtime_adj(X509_getm_notBefore(self), -3600);
    X509_gmtime_adj(X509_getm_notAfter(self), 3600);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"test", -1, -1, 0);
    X509_set_issuer_name(self, name);
    X509_add_ext(self, address, -1);
    X509_EXTENSION_free(address);
    X509_set_pubkey(self, key);
    X509_sign(self, key, EVP_sha256());
    return self;
}

static inline void server_gets_tls(small_server *self)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = server_certifies_itself(key);
    FILE *file;

    strcpy(self->ca_file, "/tmp/cp-test-ca-XXXXXX");
    file = fdopen(mkstemp(self->ca_file), "w");
    CHECK(file != NULL);
    PEM_write_X509(file, certificate);
    fclose(file);
    self->tls = SSL_CTX_new(TLS_server_method());
    CHECK_INT(SSL_CTX_use_certificate(self->tls, certificate), 1);
    CHECK_INT(SSL_CTX_use_PrivateKey(self->tls, key), 1);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

/* ---- life */

static inline void server_begins(small_server *self, bool over_tls)
{
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof here;

    *self = (small_server){.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    signal(SIGPIPE, SIG_IGN); /* of a visitor who left */
    CHECK_INT(bind(self->listener, (struct sockaddr *)&here, size), 0);
    CHECK_INT(getsockname(self->listener, (struct sockaddr *)&here, &size), 0);
    CHECK_INT(listen(self->listener, 64), 0);
    self->port = ntohs(here.sin_port);
    if (over_tls)
        server_gets_tls(self);
    for (int i = 0; i < SERVER_DOORS; i++)
        CHECK_INT(pthread_create(&self->doors[i], NULL, server_minds_a_door, self), 0);
}

static inline void server_ends(small_server *self)
{
    shutdown(self->listener, SHUT_RDWR);
    for (int i = 0; i < SERVER_DOORS; i++)
        pthread_join(self->doors[i], NULL);
    close(self->listener);
    if (self->tls)
        unlink(self->ca_file);
    SSL_CTX_free(self->tls);
}

#endif
