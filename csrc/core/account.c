#include "core/account.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/text.h"

#define TOKEN_LIMIT (8 * 1024) /* of a token, which has to fit into a header */

static const char *const families[] = {"cometchat.io", "cc-cluster-2.io", "cc-edge-2.io"};
#define FAMILIES (sizeof families / sizeof families[0])

void cp_account_init(cp_account *self, const cp_config *config)
{
    *self = (cp_account){
        .config = config,
        .me = {.last_active_at = CP_ABSENT, .at = CP_ABSENT},
        .api_version = CP_API_VERSION,
        .socket_api_version = CP_SOCKET_API_VERSION,
    };
}

void cp_account_forget(cp_account *self)
{
    const cp_config *config = self->config;
    unsigned family = self->family; /* which one answers has nothing to do with who asks */

    free(self->uid);
    cp_secret_free(self->auth_token);
    cp_secret_free(self->jwt);
    cp_presence_destroy(&self->me);
    cp_account_init(self, config);
    self->family = family;
}

/* ---- learning */

bool cp_account_takes_token(cp_slice text)
{
    return text.length > 0 && text.length <= TOKEN_LIMIT && !cp_slice_has_control(text);
}

cp_status cp_account_set_token(cp_account *self, cp_slice auth_token)
{
    char *copy;
    if (!cp_account_takes_token(auth_token))
        return CP_ERR_ARGUMENT;
    cp_status status = cp_text_copy_slice(&copy, auth_token);
    if (status != CP_OK)
        return status;
    cp_secret_free(self->auth_token);
    self->auth_token = copy;
    self->tokens++;
    return CP_OK;
}

/* Gives the member as a string; NULL when there is none, or an empty one. */
static cp_status copy_token(const cp_json *data, const char *name, char **out)
{
    cp_slice text = cp_json_text(cp_json_member(data, name));
    *out = NULL;
    if (text.length == 0)
        return CP_OK;
    return cp_account_takes_token(text) ? cp_text_copy_slice(out, text) : CP_ERR_MALFORMED;
}

/* Printable ASCII without spaces: all that a host or a version can be made of. */
static bool is_plain_word(cp_slice text)
{
    for (size_t i = 0; i < text.length; i++)
        if (text.data[i] <= ' ' || text.data[i] > '~')
            return false;
    return true;
}

/* Leaves `out` as it is when the settings do not have it. */
static cp_status learn_word(const cp_json *settings, const char *name, char *out, size_t size)
{
    cp_slice text = cp_json_text(cp_json_member(settings, name));
    if (text.length == 0)
        return CP_OK;
    if (text.length >= size || !is_plain_word(text))
        return CP_ERR_MALFORMED;
    memcpy(out, text.data, text.length);
    out[text.length] = '\0';
    return CP_OK;
}

/* As learn_word(), for one segment of a path. */
static cp_status learn_version(const cp_json *settings, const char *name, char *out, size_t size)
{
    cp_slice text = cp_json_text(cp_json_member(settings, name));
    for (size_t i = 0; i < text.length; i++)
        if (strchr("/?#%\\", text.data[i]))
            return CP_ERR_MALFORMED;
    if (text.length > 0 && text.data[0] == '.')
        return CP_ERR_MALFORMED; /* "." and ".." would climb */
    return learn_word(settings, name, out, size);
}

/* From the last choice to the first, which overwrites. */
static cp_status learn_chat_host(cp_account *self, const cp_json *settings)
{
    static const char *const names[] = {"CHAT_HOST", "CHAT_HOST_APP_SPECIFIC",
                                        "CHAT_HOST_OVERRIDE"};
    cp_status status = CP_OK;
    for (size_t i = 0; i < sizeof names / sizeof names[0] && status == CP_OK; i++)
        status = learn_word(settings, names[i], self->chat_host, sizeof self->chat_host);
    return status;
}

static cp_status learn_chat_port(cp_account *self, const cp_json *settings)
{
    const cp_json *value = cp_json_member(settings, "CHAT_WSS_PORT");
    cp_json_type type = cp_json_type_of(value);
    if (type == CP_JSON_NULL || (type == CP_JSON_STRING && cp_json_text(value).length == 0))
        return CP_OK;
    int64_t port = cp_json_count(value);
    if (port < 1 || port > UINT16_MAX)
        return CP_ERR_MALFORMED;
    self->chat_port = (uint16_t)port;
    return CP_OK;
}

static cp_status learn_settings(cp_account *self, const cp_json *settings)
{
    cp_status status = learn_chat_host(self, settings);
    if (status == CP_OK)
        status = learn_chat_port(self, settings);
    if (status == CP_OK)
        status = learn_word(settings, "ADMIN_API_HOST", self->admin_host, sizeof self->admin_host);
    if (status == CP_OK)
        status =
            learn_word(settings, "CLIENT_API_HOST", self->client_host, sizeof self->client_host);
    if (status == CP_OK)
        status = learn_version(settings, "CHAT_API_VERSION", self->api_version,
                               sizeof self->api_version);
    if (status == CP_OK)
        status = learn_version(settings, "WS_API_VERSION", self->socket_api_version,
                               sizeof self->socket_api_version);
    return status;
}

/* Into an account that knows nothing yet, not even the versions we were written for. */
static cp_status learn_all(cp_account *fresh, const cp_json *data)
{
    fresh->api_version[0] = fresh->socket_api_version[0] = '\0';
    cp_status status = cp_presence_read(data, &fresh->me);
    fresh->me.status = CP_ONLINE; /* whatever he was before this login (PROTOCOL §3.3) */
    if (status == CP_OK)
        status = cp_text_copy_slice(&fresh->uid, cp_user_text_of(fresh->me.user, CP_USER_UID));
    if (status == CP_OK)
        status = copy_token(data, "authToken", &fresh->auth_token);
    if (status == CP_OK)
        status = copy_token(data, "jwt", &fresh->jwt);
    if (status == CP_OK)
        status = learn_settings(fresh, cp_json_member(data, "settings"));
    return status;
}

static void swap_texts(char **a, char **b)
{
    char *kept = *a;
    *a = *b;
    *b = kept;
}

static void adopt_word(char *to, const char *from)
{
    if (*from)
        strcpy(to, from); /* arrays of one size */
}

static void adopt_settings(cp_account *self, const cp_account *fresh)
{
    adopt_word(self->admin_host, fresh->admin_host);
    adopt_word(self->client_host, fresh->client_host);
    adopt_word(self->chat_host, fresh->chat_host);
    adopt_word(self->api_version, fresh->api_version);
    adopt_word(self->socket_api_version, fresh->socket_api_version);
    if (fresh->chat_port)
        self->chat_port = fresh->chat_port;
}

static const char *settings_host(const cp_account *self, cp_service service)
{
    switch (service) {
    case CP_SERVICE_ADMIN:
        return self->admin_host;
    case CP_SERVICE_CLIENT:
        return self->client_host;
    default:
        return self->chat_host;
    }
}

/* What can lead nowhere is not learned: every attempt from then on would fail by it. */
static cp_status check_settings(const cp_account *self, const cp_account *fresh)
{
    cp_account both = *self; /* lends all it has */
    cp_target target;

    adopt_settings(&both, fresh);
    for (cp_service service = CP_SERVICE_ADMIN; service <= CP_SERVICE_COUNT; service++)
        if (*settings_host(&both, service) && cp_account_target(&both, service, &target) != CP_OK)
            return CP_ERR_MALFORMED;
    return CP_OK;
}

/* Takes over what `fresh` has, and leaves it what it replaces. */
static void adopt(cp_account *self, cp_account *fresh)
{
    cp_presence me = self->me;
    self->me = fresh->me;
    fresh->me = me;
    swap_texts(&self->uid, &fresh->uid);
    if (fresh->auth_token)
        swap_texts(&self->auth_token, &fresh->auth_token);
    if (fresh->jwt)
        swap_texts(&self->jwt, &fresh->jwt);
    adopt_settings(self, fresh);
}

cp_status cp_account_learn(cp_account *self, const cp_json *data)
{
    cp_account fresh;
    cp_account_init(&fresh, self->config);
    cp_status status = learn_all(&fresh, data);
    if (status == CP_OK)
        status = check_settings(self, &fresh);
    if (status == CP_OK) {
        adopt(self, &fresh);
        self->tokens++;
    }
    cp_account_forget(&fresh);
    return status;
}

/* ---- where the servers are */

static const char *override_host(const cp_account *self, cp_service service)
{
    switch (service) {
    case CP_SERVICE_ADMIN:
        return self->config->admin_host;
    case CP_SERVICE_CLIENT:
        return self->config->client_host;
    default:
        return NULL;
    }
}

/* Settings are the server's word: it may not send us anywhere without TLS.  A query after
 * a host ("127.0.0.1:8443/?", as test servers have it) says nothing. */
static cp_status read_settings_host(const cp_account *self, cp_service service, cp_target *out)
{
    const char *host = settings_host(self, service);
    cp_status status = cp_target_read((cp_slice){host, strcspn(host, "?#")}, out);
    if (status != CP_OK)
        return status;
    if (!out->tls && !self->config->plain_allowed)
        return CP_ERR_ARGUMENT;
    if (service == CP_SERVICE_SOCKET && self->chat_port && cp_target_has_default_port(out))
        out->port = self->chat_port;
    return CP_OK;
}

static cp_status read_default_host(const cp_account *self, cp_service service, cp_target *out)
{
    static const char *const kinds[] = {
        [CP_SERVICE_ADMIN] = "api",
        [CP_SERVICE_CLIENT] = "apiclient",
        [CP_SERVICE_SOCKET] = "websocket",
        [CP_SERVICE_COUNT] = "websocket",
    };
    const char *app = self->config->app_id, *region = self->config->region;
    char host[sizeof out->host];

    if (!cp_text_is_label(app) || !cp_text_is_label(region))
        return CP_ERR_ARGUMENT;
    if (cp_text_equal_caseless(region, "private"))
        region = app;
    int length = snprintf(host, sizeof host, "%s.%s-%s.%s", app, kinds[service], region,
                          families[self->family % FAMILIES]);
    if (length < 0 || (size_t)length >= sizeof host)
        return CP_ERR_ARGUMENT;
    return cp_target_read(cp_slice_of(host), out); /* in lower case */
}

static cp_status add_version(const cp_account *self, cp_service service, cp_target *out)
{
    size_t at = strlen(out->prefix), room = sizeof out->prefix - at;
    int length = service == CP_SERVICE_COUNT
                     ? snprintf(out->prefix + at, room, "/api/%s", self->socket_api_version)
                     : snprintf(out->prefix + at, room, "/%s", self->api_version);
    return length >= 0 && (size_t)length < room ? CP_OK : CP_ERR_ARGUMENT;
}

static cp_status find_target(const cp_account *self, cp_service service, cp_target *out)
{
    const char *endpoint = self->config->endpoint, *override = override_host(self, service);
    bool versioned = service != CP_SERVICE_SOCKET;
    cp_status status;

    if (endpoint) {
        status = cp_target_read(cp_slice_of(endpoint), out);
    } else if (*settings_host(self, service)) {
        status = read_settings_host(self, service, out);
    } else if (override) {
        status = cp_target_read(cp_slice_of(override), out);
        versioned = false;
    } else {
        status = read_default_host(self, service, out);
    }
    if (status == CP_OK && !cp_config_allows(self->config, out))
        status = CP_ERR_ARGUMENT;
    if (status == CP_OK && versioned)
        status = add_version(self, service, out);
    return status;
}

cp_status cp_account_target(const cp_account *self, cp_service service, cp_target *out)
{
    cp_status status = find_target(self, service, out);
    if (status != CP_OK)
        *out = (cp_target){0};
    return status;
}

void cp_account_rotate(cp_account *self)
{
    self->family = (self->family + 1) % FAMILIES;
}
