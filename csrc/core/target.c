#include "core/target.h"

#include <stdio.h>

#include "core/text.h"

/* A URL is read from the front: each step takes its part off `rest`. */

static bool take_text(cp_slice *rest, const char *text)
{
    size_t length = strlen(text);
    if (rest->length < length)
        return false;
    for (size_t i = 0; i < length; i++)
        if (cp_lower(rest->data[i]) != text[i])
            return false;
    *rest = (cp_slice){rest->data + length, rest->length - length};
    return true;
}

static cp_slice take_until(cp_slice *rest, const char *stops)
{
    cp_slice taken = {rest->data, 0};
    while (taken.length < rest->length && !strchr(stops, rest->data[taken.length]))
        taken.length++;
    *rest = (cp_slice){rest->data + taken.length, rest->length - taken.length};
    return taken;
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_hex(char byte)
{
    return is_digit(byte) || (cp_lower(byte) >= 'a' && cp_lower(byte) <= 'f');
}

static bool is_name_byte(char byte)
{
    return is_digit(byte) || (cp_lower(byte) >= 'a' && cp_lower(byte) <= 'z') || byte == '-' ||
           byte == '_' || byte == '.';
}

static bool is_name(cp_slice host)
{
    char before = '.';
    for (size_t i = 0; i < host.length; before = host.data[i++])
        if (!is_name_byte(host.data[i]) || (host.data[i] == '.' && before == '.'))
            return false;
    return before != '.';
}

static bool is_ipv6_text(cp_slice host)
{
    size_t colons = 0;
    for (size_t i = 0; i < host.length; i++) {
        if (!is_hex(host.data[i]) && host.data[i] != ':' && host.data[i] != '.')
            return false;
        colons += host.data[i] == ':';
    }
    return colons >= 2;
}

static bool read_host(cp_slice *rest, cp_target *out)
{
    bool bracketed = take_text(rest, "[");
    cp_slice host = take_until(rest, bracketed ? "]" : ":/");
    if (bracketed && !take_text(rest, "]"))
        return false;
    if (bracketed ? !is_ipv6_text(host) : !is_name(host))
        return false;
    if (host.length >= sizeof out->host)
        return false;
    for (size_t i = 0; i < host.length; i++)
        out->host[i] = cp_lower(host.data[i]);
    return true;
}

static bool read_port(cp_slice *rest, cp_target *out)
{
    out->port = out->tls ? 443 : 80;
    if (!take_text(rest, ":"))
        return true;
    cp_slice digits = take_until(rest, "/");
    unsigned long port = 0;
    for (size_t i = 0; i < digits.length; i++) {
        if (!is_digit(digits.data[i]) || port > UINT16_MAX)
            return false;
        port = port * 10 + (unsigned long)(digits.data[i] - '0');
    }
    out->port = (uint16_t)port;
    return port > 0 && port <= UINT16_MAX;
}

static bool read_prefix(cp_slice rest, cp_target *out)
{
    if (rest.length > 0 && rest.data[0] != '/')
        return false;
    while (rest.length > 0 && rest.data[rest.length - 1] == '/')
        rest.length--;
    if (rest.length >= sizeof out->prefix)
        return false;
    for (size_t i = 0; i < rest.length; i++) {
        char byte = rest.data[i];
        if (byte <= ' ' || byte > '~' || strchr("?#\\\"<>", byte))
            return false;
        out->prefix[i] = byte;
    }
    return true;
}

cp_status cp_target_read(cp_slice url, cp_target *out)
{
    *out = (cp_target){.tls = true};
    if (!url.data || memchr(url.data, '\0', url.length))
        return CP_ERR_ARGUMENT;
    cp_slice rest = url;
    if (take_text(&rest, "http://"))
        out->tls = false;
    else
        (void)take_text(&rest, "https://"); /* which is what no scheme means too */
    if (read_host(&rest, out) && read_port(&rest, out) && read_prefix(rest, out))
        return CP_OK;
    *out = (cp_target){0};
    return CP_ERR_ARGUMENT;
}

/* Whole and decimal: "127.example.com" is a name, and what "127.1" or "0177.0.0.1" mean is
 * up to whoever resolves them. */
static bool is_ipv4_loopback(const char *host)
{
    unsigned part[4];
    char again[16];
    /* NOLINTNEXTLINE(cert-err34-c): three digits do not overflow */
    if (sscanf(host, "%3u.%3u.%3u.%3u", &part[0], &part[1], &part[2], &part[3]) != 4)
        return false;
    for (int i = 0; i < 4; i++)
        if (part[i] > 255)
            return false;
    snprintf(again, sizeof again, "%u.%u.%u.%u", part[0], part[1], part[2], part[3]);
    return part[0] == 127 && strcmp(host, again) == 0;
}

bool cp_target_is_loopback(const cp_target *self)
{
    return strcmp(self->host, "localhost") == 0 || strcmp(self->host, "::1") == 0 ||
           is_ipv4_loopback(self->host);
}

bool cp_target_is_ipv6(const cp_target *self)
{
    return strchr(self->host, ':') != NULL;
}

bool cp_target_has_default_port(const cp_target *self)
{
    return self->port == (self->tls ? 443 : 80);
}

int cp_target_authority(const cp_target *self, char *out, size_t size)
{
    bool is_ipv6 = cp_target_is_ipv6(self);
    const char *left = is_ipv6 ? "[" : "", *right = is_ipv6 ? "]" : "";
    if (cp_target_has_default_port(self))
        return snprintf(out, size, "%s%s%s", left, self->host, right);
    return snprintf(out, size, "%s%s%s:%u", left, self->host, right, (unsigned)self->port);
}
