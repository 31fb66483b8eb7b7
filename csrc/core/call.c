#include "core/call.h"

#include <stdlib.h>

#include "core/text.h"

static cp_status copy_users(cp_user ***out, cp_user *const *from, uint32_t count)
{
    *out = NULL;
    if (count == 0)
        return CP_OK;
    cp_user **users = calloc(count, sizeof(cp_user *));
    if (!users)
        return CP_ERR_NOMEM;
    for (uint32_t i = 0; i < count; i++)
        users[i] = cp_user_hold(from[i]);
    *out = users;
    return CP_OK;
}

static void release_users(cp_user **users, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        cp_user_release(users[i]);
    free(users);
}

void cp_sync_report_destroy(cp_sync_report *self)
{
    release_users(self->went_online, self->went_online_count);
    release_users(self->went_offline, self->went_offline_count);
    *self = (cp_sync_report){0};
}

cp_status cp_sync_report_copy(cp_sync_report *out, const cp_sync_report *from)
{
    cp_user **online, **offline;
    *out = (cp_sync_report){0};
    cp_status status = copy_users(&online, from->went_online, from->went_online_count);
    if (status != CP_OK)
        return status;
    status = copy_users(&offline, from->went_offline, from->went_offline_count);
    if (status != CP_OK) {
        release_users(online, from->went_online_count);
        return status;
    }
    *out = *from;
    out->went_online = online;
    out->went_offline = offline;
    return CP_OK;
}

void cp_call_init(cp_call *self, cp_call_kind kind)
{
    *self = (cp_call){
        .kind = kind,
        .timeout = CP_NEVER,
        .deadline = CP_NEVER,
        .user = {.last_active_at = CP_ABSENT, .at = CP_ABSENT},
    };
    cp_users_query_init(&self->query);
}

void cp_call_destroy(cp_call *self)
{
    free(self->uid);
    cp_secret_free(self->auth_key);
    cp_secret_free(self->auth_token);
    cp_users_query_destroy(&self->query);
    cp_presence_destroy(&self->user);
    cp_users_page_destroy(&self->page);
    cp_sync_report_destroy(&self->report);
    cp_call_init(self, self->kind);
}
