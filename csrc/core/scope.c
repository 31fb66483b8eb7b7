#include "core/scope.h"

#include "core/text.h"

bool cp_scope_is_empty(const cp_config *config)
{
    return config->subscription == CP_SUBSCRIBE_NONE && !cp_scope_has_watched(config);
}

bool cp_scope_has_watched(const cp_config *config)
{
    return config->watched != NULL && config->watched[0] != NULL;
}

bool cp_scope_watches(const cp_config *config, cp_slice uid)
{
    for (char **watched = config->watched; watched != NULL && *watched != NULL; watched++)
        if (cp_slice_equal_caseless(uid, cp_slice_of(*watched)))
            return true;
    return false;
}

static bool is_one_of(cp_slice role, char *const *roles)
{
    for (; roles != NULL && *roles != NULL; roles++)
        if (cp_slice_is(role, *roles))
            return true;
    return false;
}

bool cp_scope_has(const cp_config *config, const cp_user *user)
{
    if (config->subscription == CP_SUBSCRIBE_ALL_USERS ||
        cp_scope_watches(config, cp_user_text_of(user, CP_USER_UID)))
        return true;
    return config->subscription == CP_SUBSCRIBE_ROLES &&
           is_one_of(cp_user_text_of(user, CP_USER_ROLE), config->roles);
}
