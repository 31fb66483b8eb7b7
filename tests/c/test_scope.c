#include "core/scope.h"

#include "test.h"

static char *teachers[] = {"teacher", "head", NULL};
static char *named[] = {"Ann", "bob", NULL};
static char *nobody[] = {NULL};

static cp_config config_for(cp_subscription subscription, char **watched)
{
    cp_config config;

    cp_config_init(&config);
    config.subscription = subscription;
    config.roles = teachers;
    config.watched = watched;
    return config;
}

static bool has(cp_subscription subscription, char **watched, const char *uid, const char *role)
{
    cp_config config = config_for(subscription, watched);
    cp_user_fields fields = {
        .text = {[CP_USER_UID] = cp_slice_of(uid), [CP_USER_ROLE] = cp_slice_of(role)}};
    cp_user *user;
    bool result;

    for (int i = 0; i < CP_USER_NUMBERS; i++)
        fields.number[i] = CP_ABSENT;
    user = cp_user_new(&fields, &(bool){false});
    result = cp_scope_has(&config, user);
    cp_user_release(user);
    return result;
}

TEST(a_scope_is_whom_the_subscription_is_about)
{
    CHECK(has(CP_SUBSCRIBE_ALL_USERS, NULL, "zoe", "student"));
    CHECK(has(CP_SUBSCRIBE_ROLES, NULL, "zoe", "head"));
    CHECK(!has(CP_SUBSCRIBE_ROLES, NULL, "zoe", "student"));
    CHECK(!has(CP_SUBSCRIBE_FRIENDS, NULL, "zoe", "teacher"));
    CHECK(!has(CP_SUBSCRIBE_NONE, NULL, "zoe", "teacher"));
}

TEST(the_watched_are_in_every_scope_however_they_are_spelled)
{
    CHECK(has(CP_SUBSCRIBE_NONE, named, "ann", "student"));
    CHECK(has(CP_SUBSCRIBE_ROLES, named, "Bob", "student"));
    CHECK(!has(CP_SUBSCRIBE_ROLES, named, "bo", "student"));
    CHECK(!has(CP_SUBSCRIBE_FRIENDS, named, "bobby", "student"));
}

TEST(a_scope_is_empty_without_a_subscription_and_without_names)
{
    cp_config config = config_for(CP_SUBSCRIBE_NONE, NULL);
    CHECK(cp_scope_is_empty(&config));
    config.watched = nobody;
    CHECK(cp_scope_is_empty(&config));
    config.watched = named;
    CHECK(!cp_scope_is_empty(&config));
    config = config_for(CP_SUBSCRIBE_FRIENDS, NULL);
    CHECK(!cp_scope_is_empty(&config));
}
