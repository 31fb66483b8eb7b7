#include "core/config.h"

#include <stdlib.h>
#include <string.h>

#include "core/rest.h"
#include "core/text.h"

#define QUEUE_SIZE_MAX (1u << 24)

void cp_config_init(cp_config *self)
{
    *self = (cp_config){
        .auto_connect = true,
        .reconnect =
            {
                .base = CP_USEC_PER_SEC,
                .cap = 30 * CP_USEC_PER_SEC,
                .floor = CP_USEC_PER_SEC / 10,
                .stable_after = 60 * CP_USEC_PER_SEC,
                .max_attempts = -1,
            },
        .sync_on_connect = true,
        .audit_after = 30 * CP_USEC_PER_SEC,
        .sync_every = CP_NEVER,
        .page_size = CP_USERS_LIMIT_MAX,
        .watched_every = 30 * CP_USEC_PER_SEC,
        .count_every = 300 * CP_USEC_PER_SEC,
        .degraded_every = 60 * CP_USEC_PER_SEC,
        .queue_size = 4096,
        .max_users = 1000000,
        .connect_timeout = 10 * CP_USEC_PER_SEC,
        .ping_interval = 15 * CP_USEC_PER_SEC,
        .ping_timeout = 3 * CP_USEC_PER_SEC,
    };
}

/* ---- its strings, in one place, so that none is forgotten */

typedef struct named_text {
    const char *name;
    size_t at;
} named_text;

static const named_text texts[] = {
    {"app id", offsetof(cp_config, app_id)},
    {"region", offsetof(cp_config, region)},
    {"admin host", offsetof(cp_config, admin_host)},
    {"client host", offsetof(cp_config, client_host)},
    {"endpoint", offsetof(cp_config, endpoint)},
    {"CA file", offsetof(cp_config, ca_file)},
    {"version", offsetof(cp_config, version)},
    {"session id", offsetof(cp_config, session_id)},
    {"device id", offsetof(cp_config, device_id)},
};

#define TEXTS (sizeof texts / sizeof texts[0])

static char **text_of(cp_config *self, size_t which)
{
    return (char **)((char *)self + texts[which].at);
}

static const char *const_text_of(const cp_config *self, size_t which)
{
    return *(char *const *)((const char *)self + texts[which].at);
}

void cp_config_destroy(cp_config *self)
{
    for (size_t i = 0; i < TEXTS; i++)
        free(*text_of(self, i));
    cp_texts_free(self->roles);
    cp_texts_free(self->watched);
    cp_config_init(self);
}

cp_status cp_config_copy(cp_config *out, const cp_config *from)
{
    *out = *from;
    for (size_t i = 0; i < TEXTS; i++)
        *text_of(out, i) = NULL;
    out->roles = out->watched = NULL;
    cp_status status = cp_texts_copy(&out->roles, from->roles);
    if (status == CP_OK)
        status = cp_texts_copy(&out->watched, from->watched);
    for (size_t i = 0; i < TEXTS && status == CP_OK; i++)
        status = cp_text_copy(text_of(out, i), const_text_of(from, i));
    if (status != CP_OK)
        cp_config_destroy(out);
    return status;
}

/* ---- checking: each step is CP_OK, or sets the failure */

static cp_status check_no_control(const cp_config *self, cp_failure *failure)
{
    for (size_t i = 0; i < TEXTS; i++)
        if (cp_slice_has_control(cp_slice_of(const_text_of(self, i))))
            return cp_failure_refuse(failure, "INVALID_PARAMETER", texts[i].name,
                                     "has control characters in it");
    return CP_OK;
}

static cp_status check_given(const char *text, const char *name, cp_failure *failure)
{
    if (cp_text_is_empty(text))
        return cp_failure_refuse(failure, "MISSING_PARAMETERS", name, "is missing");
    return CP_OK;
}

static cp_status check_identity(const cp_config *self, cp_failure *failure)
{
    cp_status status = check_given(self->app_id, "app id", failure);
    if (status == CP_OK)
        status = check_given(self->version, "version", failure);
    if (status == CP_OK)
        status = check_given(self->session_id, "session id", failure);
    if (status == CP_OK)
        status = check_given(self->device_id, "device id", failure);
    return status;
}

static cp_status check_url(const cp_config *self, const char *url, const char *name,
                           cp_failure *failure)
{
    cp_target target;
    if (!url)
        return CP_OK;
    if (cp_target_read(cp_slice_of(url), &target) != CP_OK)
        return cp_failure_refuse(failure, "INVALID_HOST", name, "is no host and no URL");
    if (target.tls && cp_target_is_ipv6(&target))
        return cp_failure_refuse(failure, "INVALID_HOST", name,
                                 "is an IPv6 address, to which TLS is not supported: use a name");
    if (!cp_config_allows(self, &target))
        return cp_failure_refuse(
            failure, "PLAIN_HTTP_REFUSED", name,
            "is plain http to another machine, which needs allow_plaintext=True");
    return CP_OK;
}

static bool is_known_region(const char *region)
{
    static const char *const known[] = {"us", "eu", "in", "private"};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (cp_text_equal_caseless(region, known[i]))
            return true;
    return false;
}

/* The app id and the region become parts of host names, unless all hosts are given. */
static cp_status check_default_hosts(const cp_config *self, cp_failure *failure)
{
    if (self->endpoint || (self->admin_host && self->client_host))
        return CP_OK;
    if (!cp_text_is_label(self->app_id))
        return cp_failure_refuse(failure, "AUTH_ERR_INVALID_APPID", "app id",
                                 "has characters that no app id has");
    if (cp_text_is_empty(self->region))
        return cp_failure_refuse(failure, "MISSING_PARAMETERS", "region",
                                 "is missing: give region=, or set COMETCHAT_REGION and make the "
                                 "client by from_env()");
    if (!is_known_region(self->region))
        return cp_failure_refuse(failure, "INVALID_REGION", "region",
                                 "is none of us, eu, in and private");
    return CP_OK;
}

static cp_status check_hosts(const cp_config *self, cp_failure *failure)
{
    cp_status status = check_url(self, self->endpoint, "endpoint", failure);
    if (status == CP_OK)
        status = check_url(self, self->admin_host, "admin host", failure);
    if (status == CP_OK)
        status = check_url(self, self->client_host, "client host", failure);
    if (status == CP_OK)
        status = check_default_hosts(self, failure);
    return status;
}

static cp_status check_roles(const cp_config *self, cp_failure *failure)
{
    if (self->subscription != CP_SUBSCRIBE_ROLES)
        return CP_OK;
    if (!self->roles || !self->roles[0])
        return cp_failure_refuse(failure, "MISSING_PARAMETERS", "list of roles", "is empty");
    for (char **role = self->roles; *role; role++)
        if (cp_text_is_empty(*role) || cp_slice_has_control(cp_slice_of(*role)))
            return cp_failure_refuse(failure, "INVALID_PARAMETER", "list of roles",
                                     "has an empty one, or control characters in one");
    return CP_OK;
}

static cp_status check_watched(const cp_config *self, cp_failure *failure)
{
    size_t count = 0;
    for (char **uid = self->watched; uid && *uid; uid++) {
        if (++count > CP_WATCHED_MAX)
            return cp_failure_refuse(failure, "ERROR_SET_UIDS_EXCEEDED", "list of watched uids",
                                     "has more than 1000");
        cp_slice text = cp_slice_of(*uid);
        if (text.length == 0 || text.length > CP_UID_MAX || strchr(*uid, ',') ||
            cp_slice_has_control(text))
            return cp_failure_refuse(failure, "INVALID_UID", "list of watched uids",
                                     "has one that is empty, has more than 100 bytes, a comma or "
                                     "control characters");
    }
    return CP_OK;
}

static cp_status check_sizes(const cp_config *self, cp_failure *failure)
{
    if (self->page_size < 1)
        return cp_failure_refuse(failure, "INVALID_SET_LIMIT", "page size", "is below 1");
    if (self->page_size > CP_USERS_LIMIT_MAX)
        return cp_failure_refuse(failure, "ERROR_SET_LIMIT_EXCEEDED", "page size", "is above 100");
    if (self->queue_size < 1 || self->queue_size > QUEUE_SIZE_MAX)
        return cp_failure_refuse(failure, "INVALID_PARAMETER", "queue size",
                                 "is not in 1 to 16777216");
    if (self->max_users < 1)
        return cp_failure_refuse(failure, "INVALID_PARAMETER", "number of users to track",
                                 "is below 1");
    return CP_OK;
}

static cp_status check_times(const cp_config *self, cp_failure *failure)
{
    const cp_backoff_policy *reconnect = &self->reconnect;
    const struct {
        const char *name;
        cp_usec time;
    } times[] = {
        {"connect timeout", self->connect_timeout}, {"ping interval", self->ping_interval},
        {"ping timeout", self->ping_timeout},       {"time before an audit", self->audit_after},
        {"time between resyncs", self->sync_every}, {"base of reconnecting", reconnect->base},
        {"cap of reconnecting", reconnect->cap},    {"time between look-ups", self->watched_every},
    };
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++)
        if (times[i].time <= 0)
            return cp_failure_refuse(failure, "INVALID_PARAMETER", times[i].name, "is not above 0");
    if (reconnect->floor < 0 || reconnect->stable_after < 0 || reconnect->floor > reconnect->cap)
        return cp_failure_refuse(failure, "INVALID_PARAMETER", "reconnect policy",
                                 "has a floor above its cap, or a time below 0");
    return CP_OK;
}

cp_status cp_config_check(const cp_config *self, cp_failure *failure)
{
    /* cppcheck-suppress uninitvar ; it loses its way in this declaration */
    cp_status (*const checks[])(const cp_config *, cp_failure *) = {
        check_no_control, check_identity, check_hosts, check_roles,
        check_watched,    check_sizes,    check_times,
    };
    cp_status status = CP_OK;
    for (size_t i = 0; i < sizeof checks / sizeof checks[0] && status == CP_OK; i++)
        status = checks[i](self, failure);
    return status;
}

/* lws cuts the name it compares with a certificate at the first colon, so that none would
 * ever do for an IPv6 address. */
bool cp_config_allows(const cp_config *self, const cp_target *target)
{
    if (target->tls)
        return !cp_target_is_ipv6(target);
    return self->plain_allowed || cp_target_is_loopback(target);
}
