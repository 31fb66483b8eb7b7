"""CometChat's spellings of our names.

Whatever CometChat documents exists under its documented name too, as the same function: people
paste from the vendor's pages.  This table is the one place that says so.  Each class repeats its
part of it under TYPE_CHECKING, for type checkers; tests compare the two, and the table with the
vendor's documentation.
"""

from typing import Final, TypeVar

__all__ = ["ALIASES", "with_documented_names"]

_T = TypeVar("_T")

ALIASES: Final[dict[str, dict[str, str]]] = {
    "AppSettingsBuilder": {
        "subscribePresenceForAllUsers": "subscribe_presence_for_all_users",
        "subscribePresenceForRoles": "subscribe_presence_for_roles",
        "subscribePresenceForFriends": "subscribe_presence_for_friends",
        "setRegion": "set_region",
        "autoEstablishSocketConnection": "auto_establish_socket_connection",
        "overrideAdminHost": "override_admin_host",
        "overrideClientHost": "override_client_host",
    },
    "UserListener": {
        "onUserOnline": "on_user_online",
        "onUserOffline": "on_user_offline",
    },
    "ConnectionListener": {
        "onConnected": "on_connected",
        "inConnecting": "in_connecting",
        "onDisconnected": "on_disconnected",
        "onFeatureThrottled": "on_feature_throttled",
    },
    "LoginListener": {
        "loginSuccess": "login_success",
        "loginFailure": "login_failure",
        "logoutSuccess": "logout_success",
        "logoutFailure": "logout_failure",
    },
    "UsersRequestBuilder": {
        "setLimit": "set_limit",
        "setStatus": "set_status",
        "setRole": "set_role",
        "setRoles": "set_roles",
        "friendsOnly": "friends_only",
        "setSearchKeyword": "set_search_keyword",
        "searchIn": "search_in",
        "hideBlockedUsers": "hide_blocked_users",
        "setTags": "set_tags",
        "withTags": "with_tags",
        "setUIDs": "set_uids",
        "sortBy": "sort_by",
        "sortByOrder": "sort_by_order",
        "setPage": "set_page",
    },
    "UsersRequest": {
        "fetchNext": "fetch_next",
    },
    "CometChat": {
        "getLoggedinUser": "get_logged_in_user",  # sic
        "getLoggedInUser": "get_logged_in_user",
        "getUser": "get_user",
        "getOnlineUserCount": "get_online_user_count",
        "getConnectionStatus": "get_connection_status",
        "addUserListener": "add_user_listener",
        "removeUserListener": "remove_user_listener",
        "addConnectionListener": "add_connection_listener",
        "removeConnectionListener": "remove_connection_listener",
        "addLoginListener": "add_login_listener",
        "removeLoginListener": "remove_login_listener",
    },
    # A C type, which makes these itself.
    "User": {
        "getUid": "get_uid",
        "getName": "get_name",
        "getAvatar": "get_avatar",
        "getLink": "get_link",
        "getRole": "get_role",
        "getStatus": "get_status",
        "statusMessage": "status_message",
        "getStatusMessage": "get_status_message",
        "lastActiveAt": "last_active_at",
        "getLastActiveAt": "get_last_active_at",
        "getTags": "get_tags",
        "getMetadata": "get_metadata",
        "blockedByMe": "blocked_by_me",
        "getBlockedByMe": "get_blocked_by_me",
        "hasBlockedMe": "has_blocked_me",
        "getHasBlockedMe": "get_has_blocked_me",
        "deactivatedAt": "deactivated_at",
        "getDeactivatedAt": "get_deactivated_at",
    },
}


def with_documented_names(cls: type[_T]) -> type[_T]:
    """Class decorator: give `cls` its documented names."""
    for documented, ours in ALIASES[cls.__name__].items():
        setattr(cls, documented, cls.__dict__[ours])
    return cls
