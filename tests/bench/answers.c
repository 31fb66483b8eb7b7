#define _GNU_SOURCE
#include "answers.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frames.h"

#define PAGE_MAX 1000

typedef struct request {
    char head[8192]; /* the request line and the headers, ended by a NUL */
    size_t body;     /* bytes of its body */
} request;

/* ---- reading */

static const char *header(const request *self, const char *name)
{
    const char *found = strcasestr(self->head, name);
    return found ? found + strlen(name) : "";
}

static long number_after(const char *text, const char *name, long otherwise)
{
    const char *found = strstr(text, name);
    return found ? strtol(found + strlen(name), NULL, 10) : otherwise;
}

static bool skip(stream *peer, size_t length)
{
    while (length > peer->have) {
        length -= peer->have;
        peer->have = 0;
        if (!stream_read_more(peer))
            return false;
    }
    stream_take(peer, length);
    return true;
}

static bool read_request(stream *peer, request *out)
{
    const char *end;
    while (!(end = memmem(peer->in, peer->have, "\r\n\r\n", 4)))
        if (!stream_read_more(peer))
            return false;
    size_t length = (size_t)(end - peer->in) + 4;
    if (length >= sizeof out->head)
        return false;
    memcpy(out->head, peer->in, length);
    out->head[length] = '\0';
    stream_take(peer, length);
    return skip(peer, strtoul(header(out, "\r\nContent-Length:"), NULL, 10));
}

/* ---- answering */

static bool answer(stream *peer, const char *body, size_t length)
{
    char head[256];
    int size = snprintf(head, sizeof head,
                        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                        "Content-Length: %zu\r\n\r\n",
                        length);
    return stream_write(peer, head, (size_t)size) && stream_write(peer, body, length);
}

static bool answer_text(stream *peer, const char *body)
{
    return answer(peer, body, strlen(body));
}

static bool answer_me(stream *peer, const site *site)
{
    char body[1024];
    int length = snprintf(
        body, sizeof body,
        "{\"data\":{\"uid\":\"bench\",\"name\":\"Bench\",\"status\":\"available\",\"role\":"
        "\"default\",\"authToken\":\"bench_token\",\"jwt\":\"bench.jwt\",\"wsChannel\":"
        "{\"identity\":\"bench\"},\"settings\":{\"CHAT_HOST\":\"127.0.0.1\",\"CHAT_WSS_PORT\":"
        "\"%1$u\",\"ADMIN_API_HOST\":\"127.0.0.1:%1$u\",\"CLIENT_API_HOST\":\"127.0.0.1:%1$u\","
        "\"CHAT_API_VERSION\":\"v3.0\",\"WS_API_VERSION\":\"v1.0\",\"REGION\":\"us\",\"MODE\":"
        "\"DEFAULT\",\"APP_VERSION\":4,\"ANALYTICS_HOST\":\"127.0.0.1:%1$u\","
        "\"ANALYTICS_VERSION\":\"v1\",\"ANALYTICS_PING_DISABLED\":true,\"settingsHash\":"
        "\"hash-1\",\"settingsHashReceivedAt\":1795485366,\"extensions\":[],\"parameters\":{}}}}",
        (unsigned)site->port);
    return answer(peer, body, (size_t)length);
}

/* Who is asked for by uid gets an empty list: nobody is in doubt here. */
static bool answer_users(stream *peer, const site *site, const request *request)
{
    long size = number_after(request->head, "per_page=", 30);
    long page = number_after(request->head, "&page=", 1);
    if (size < 1 || size > PAGE_MAX || page < 1)
        return false;
    long total = strstr(request->head, "uids=") ? 0 : (long)site->listed;
    long first = (page - 1) * size, count = 0;
    char *body = malloc((size_t)size * FRAME_MAX + 512);
    char *end = stpcpy(body, "{\"data\":[");
    for (long i = first; i < total && i < first + size; i++, count++) {
        if (count > 0)
            *end++ = ',';
        end += listed_user_write((uint32_t)i, end);
    }
    end += sprintf(end,
                   "],\"meta\":{\"pagination\":{\"total\":%ld,\"count\":%ld,\"per_page\":%ld,"
                   "\"current_page\":%ld,\"total_pages\":%ld}}}",
                   total, count, size, page, (total + size - 1) / size);
    bool sent = answer(peer, body, (size_t)(end - body));
    free(body);
    return sent;
}

static bool answer_request(stream *peer, const site *site, const request *request)
{
    char count[64];
    if (strstr(request->head, "/online-members")) {
        snprintf(count, sizeof count, "{\"data\":{\"onlineUsersCount\":%u}}", site->listed);
        return answer_text(peer, count);
    }
    if (strstr(request->head, "/auth_tokens "))
        return answer_text(peer, "{\"data\":{\"uid\":\"bench\",\"authToken\":\"bench_token\"}}");
    if (strstr(request->head, "/users?"))
        return answer_users(peer, site, request);
    if (strstr(request->head, "/me "))
        return answer_me(peer, site);
    return answer_text(peer, "{\"data\":{\"success\":true}}");
}

/* ---- the upgrade */

static bool open_socket(stream *peer, const request *request)
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    const char *key = header(request, "\r\nSec-WebSocket-Key:");
    unsigned char digest[EVP_MAX_MD_SIZE], accept[64];
    unsigned size = 0;
    char text[128], head[256];

    key += strspn(key, " ");
    int length = snprintf(text, sizeof text, "%.*s%s", (int)strcspn(key, " \r"), key, guid);
    EVP_Digest(text, (size_t)length, digest, &size, EVP_sha1(), NULL);
    EVP_EncodeBlock(accept, digest, (int)size);
    length = snprintf(head, sizeof head,
                      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                      "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
                      accept);
    return stream_write(peer, head, (size_t)length);
}

bool answer_requests(stream *peer, const site *site)
{
    request request;
    while (read_request(peer, &request)) {
        if (*header(&request, "\r\nSec-WebSocket-Key:"))
            return open_socket(peer, &request);
        if (!answer_request(peer, site, &request))
            break;
    }
    return false;
}
