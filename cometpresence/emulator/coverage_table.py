"""The table behind coverage.py: every endpoint, header, query option, setting and frame.

`V`: the tests with the official SDK see it used.  `D`: from CometChat's public documentation, or
from observing the SDK outside our tests.  `C`: nobody outside knows what the service does; this is
what we do.  `N`: not supported; met with 501, or ignored and noted in the journal.
"""

from collections.abc import Iterable, Iterator

from .coverage import Entry, Evidence, Kind

V, D, C, N = Evidence.VERIFIED, Evidence.DOCUMENTED, Evidence.CHOICE, Evidence.UNSUPPORTED

Row = tuple[str, Evidence, str]


def _entries(kind: Kind, of: str, rows: Iterable[Row]) -> Iterator[Entry]:
    for name, evidence, note in rows:
        yield Entry(kind, name, of, evidence, note)


# ---- REST; every path also with /v3 or /v3.0 before it, unless it begins with a version of its own

CLIENT_ENDPOINTS: tuple[Row, ...] = (
    ("POST /users/{uid}/auth_tokens", V, "login, step 1"),
    (
        "PUT /me",
        V,
        "login, step 2: with jwt, settings and wsChannel, without fat; "
        "with user fields but the role, updateCurrentUserDetails",
    ),
    ("GET /me", D, "the SDK's refresh of its jwt"),
    ("DELETE /me", V, "logout"),
    ("POST /me/jwt", D, "getJWT; the passthrough is not in the token"),
    ("GET /settings", D, "only asked for by clients that PUT /me gave none"),
    ("GET /users", V, "UsersRequest"),
    ("GET /users/{uid}", V, "getUser"),
    ("POST /user_sessions", V, "accepted and forgotten"),
    ("POST /v1/ping", V, "the analytics ping: checks the jwt, and that is all"),
    ("POST /api/v1.0/online-members", D, "the online count; groups are answered 501"),
    ("POST /?/api/v1.0/online-members", V, "the same, by chat_on_one_port"),
    ("GET /", V, "the WebSocket"),
)

# With an apiKey: the REST API that scripts on a server use.
MANAGEMENT_ENDPOINTS: tuple[Row, ...] = (
    ("GET /users with apiKey", D, "filters, pages of up to 1,000"),
    ("GET /users/{uid} with apiKey", D, ""),
    ("POST /users", D, "also the SDK's createUser, with the auth key"),
    ("PUT /users/{uid}", D, "also the SDK's updateUser, with the auth key"),
    ("DELETE /users/{uid}", D, ""),
    ("PUT /users", D, "reactivates"),
    ("DELETE /users", D, "deactivates"),
    ("POST /users/{uid}/friends", D, ""),
    ("GET /users/{uid}/friends", D, ""),
    ("DELETE /users/{uid}/friends", D, ""),
    ("GET /users/{uid}/auth_tokens", D, ""),
    ("DELETE /users/{uid}/auth_tokens", D, "flush"),
    ("GET /users/{uid}/auth_tokens/{authToken}", D, ""),
    ("PUT /users/{uid}/auth_tokens/{authToken}", D, ""),
    ("DELETE /users/{uid}/auth_tokens/{authToken}", D, ""),
    ("POST /roles", D, ""),
    ("GET /roles", D, ""),
    ("GET /roles/{role}", D, ""),
    ("PUT /roles/{role}", D, ""),
    ("DELETE /roles/{role}", D, ""),
    *((f"* /{name}", N, "") for name in ("groups", "messages", "conversations", "calls")),
    *((f"* /users/{{uid}}/{name}", N, "") for name in ("blockedusers", "messages", "groups")),
    *((f"* /{name}", N, "") for name in ("apikeys", "webhooks", "bannedusers")),
)

REQUEST_HEADERS: tuple[Row, ...] = (
    ("appId", V, "must be the app's"),
    ("apiKey", V, "for the calls that need a key"),
    ("authToken", V, "for all the others"),
    ("Authorization", V, "the jwt: with Bearer on the analytics ping, bare on the online count"),
    ("resource", V, "not looked at"),
    ("sdk", V, "not looked at"),
    ("Accept", V, "not looked at: answers are JSON"),
    ("Content-Type", V, "not looked at: bodies are JSON"),
    ("settingsHash", V, "not looked at: the settings never become outdated"),
    ("settingsHashReceivedAt", V, "not looked at"),
    ("chatApiVersion", N, "read in the SDK's source, never seen on the wire"),
    ("onBehalfOf", D, "whose view of users and friends a script wants"),
    ("onbehalfofuser", N, "read in the SDK's source, never seen on the wire"),
)

ANSWER_HEADERS: tuple[Row, ...] = (
    ("Retry-After", D, "with 429, in whole seconds"),
    ("X-Rate-Limit", D, "requests a minute, on every answer while rate limits are on"),
    ("X-Rate-Limit-Remaining", D, "what is left of them"),
    ("X-Rate-Limit-Reset", D, "the Unix second in which there are new ones"),
    ("X-RateLimit-Limit", D, "the other spelling in the docs"),
    ("X-RateLimit-Remaining", D, "the other spelling in the docs"),
    ("X-RateLimit-Reset", D, "the other spelling in the docs"),
    ("Access-Control-Allow-Origin", C, "* for the client API, nothing for /_emulator"),
    ("Access-Control-Allow-Methods", C, "GET, POST, PUT, DELETE, OPTIONS"),
    ("Access-Control-Allow-Headers", C, "every request header above"),
    ("Access-Control-Expose-Headers", C, "the rate limit's"),
    ("Access-Control-Max-Age", C, "ten minutes"),
)

USERS_OPTIONS: tuple[Row, ...] = (
    ("per_page", V, "at most 100; 30 when absent"),
    ("page", V, "from 1"),
    ("searchKey", V, "anywhere in the text, whatever its case"),
    ("searchIn", V, "uid, name or both"),
    ("status", V, "available or offline"),
    ("roles", V, "any of them"),
    ("tags", V, "any of them"),
    ("uids", V, "at most 25"),
    ("friendsOnly", V, ""),
    ("hideBlockedUsers", V, "those the viewer has blocked"),
    ("withTags", V, ""),
    ("sortBy", V, "name or status; status when absent, online first"),
    ("sortOrder", V, "asc or desc"),
    ("affix", N, "cursors are not used for users by the SDK"),
    ("updatedAt", N, "cursors are not used for users by the SDK"),
)

MANAGED_USERS_OPTIONS: tuple[Row, ...] = (
    ("perPage", D, "at most 1,000; 100 when absent"),
    ("page", D, "from 1"),
    ("searchKey", D, "the beginning of the text, whatever its case"),
    ("searchIn", D, "uid, name or both"),
    ("status", D, "available or offline"),
    ("role", D, ""),
    ("roles", D, "any of them"),
    ("tags", D, "any of them"),
    ("withTags", D, ""),
    ("onlyDeactivated", D, ""),
    ("withDeactivated", D, ""),
    ("count", D, 'what the answer then looks like, {"count"}, is our choice'),
    ("sortBy", C, "as for clients"),
    ("sortOrder", C, "as for clients"),
    ("affix", N, "no cursors: pages have numbers"),
    ("updatedAt", N, "no cursors: pages have numbers"),
)

PAGED = ("GET /users/{uid}/friends", "GET /users/{uid}/auth_tokens", "GET /roles")
PAGE_OPTIONS: tuple[Row, ...] = (
    ("perPage", D, "at most 1,000; 100 when absent"),
    ("page", D, "from 1"),
)

# What scripts send.  Of the bodies that the SDK sends only what PUT /me stores is looked at.
MEMBERS: dict[str, tuple[Row, ...]] = {
    "POST /users": (
        ("uid", D, "lower-cased; at most 100 of a-z 0-9 - _"),
        ("name", D, "at most 100 characters"),
        ("avatar", D, "a URL"),
        ("link", D, "a URL"),
        ("role", D, "one that exists"),
        ("statusMessage", D, ""),
        ("metadata", D, "at most 5 KiB"),
        ("tags", D, "at most 25 of 100 characters"),
        ("withAuthToken", D, ""),
    ),
    "PUT /users/{uid}": (
        *((name, D, "as in POST /users") for name in ("name", "avatar", "link", "role")),
        *((name, D, "as in POST /users") for name in ("statusMessage", "metadata", "tags")),
        ("unset", D, "avatar, link, metadata"),
    ),
    "DELETE /users/{uid}": (("permanent", D, "makes no difference: what is deleted is gone"),),
    "PUT /users": (("uidsToActivate", D, "at most 25"),),
    "DELETE /users": (("uidsToDeactivate", D, "at most 25"),),
    "POST /users/{uid}/friends": (("accepted", D, "at most 25"), ("addToConversations", N, "")),
    "DELETE /users/{uid}/friends": (("friends", D, "at most 25"),),
    "POST /users/{uid}/auth_tokens": (
        ("force", D, "makes no difference: there is a new one each time"),
        ("platform", V, "not looked at"),
        ("deviceId", V, "not looked at"),
        ("appInfo", V, "not looked at"),
    ),
    "PUT /users/{uid}/auth_tokens/{authToken}": (
        *((name, D, "kept, and shown with the token") for name in ("platform", "userAgent")),
        ("appInfo", D, "kept, and shown with the token"),
    ),
    "POST /roles": (
        ("role", D, "lower-cased; at most 100 of a-z 0-9 - _"),
        ("name", D, "at most 100 characters"),
        ("description", D, "at most 255 characters"),
        ("metadata", D, ""),
        ("settings", D, "kept, not enforced"),
    ),
    "PUT /roles/{role}": (
        *((name, D, "as in POST /roles") for name in ("name", "description", "metadata")),
        ("settings", D, "kept, not enforced"),
        ("unset", D, "settings, description, metadata"),
    ),
}

SETTINGS: tuple[Row, ...] = (
    ("CHAT_HOST", V, "where the socket goes"),
    ("CHAT_WSS_PORT", V, "where the socket goes"),
    ("ADMIN_API_HOST", D, "our own host and port"),
    ("CLIENT_API_HOST", V, "our own host and port"),
    ("CHAT_API_VERSION", V, "v3.0"),
    ("WS_API_VERSION", V, "v1.0, in the path of the online count"),
    ("ANALYTICS_HOST", V, "our own host and port"),
    ("ANALYTICS_VERSION", V, "v1"),
    ("ANALYTICS_PING_DISABLED", D, "false"),
    ("settingsHash", V, "never changes"),
    ("settingsHashReceivedAt", V, "the emulator's clock, in seconds"),
    ("APP_VERSION", D, "4; a restored session restarts below that"),
    ("MODE", D, "DEFAULT"),
    ("REGION", D, "the emulator's region"),
    ("extensions", D, "none"),
    ("parameters", D, "none"),
    ("CHAT_WS_PORT", D, "present; the SDK does not read it"),
    ("CHAT_USE_SSL", D, "present; the SDK does not read it"),
    ("EXTENSION_DOMAIN", D, "a name that resolves nowhere"),
    ("POLLING_ENABLED", D, "false"),
    ("CHAT_HOST_OVERRIDE", N, "never sent: CHAT_HOST says it"),
    ("CHAT_HOST_APP_SPECIFIC", N, "never sent: CHAT_HOST says it"),
    ("SECURED_MEDIA_HOST", N, "never sent"),
    ("DENY_FALLBACK_TO_POLLING", N, "never sent"),
)

# ---- the WebSocket

CLIENT_FRAMES: tuple[Row, ...] = (
    ("auth", V, "the first frame; checks appId, sender and the jwt"),
    ("ping", V, "answered at once"),
    ("presence", N, "the SDK has code for it and never sends it"),
    ("typing_indicator", N, ""),
    ("receipts", N, ""),
    ("transient_message", N, ""),
)

OTHER_SERVER_FRAMES = (
    *("message", "reaction", "receipts", "typing_indicator", "transient_message"),
    *("streamed_message", "interaction_completed", "on_moderation_status_changed"),
    *("notification_feed_item", "message_pin_save"),
)

SERVER_FRAMES: tuple[Row, ...] = (
    ("auth", V, '"200" and "OK", as text'),
    ("presence", V, "online or offline, with the user and the second"),
    ("pong", V, ""),
    *((name, N, "never sent") for name in OTHER_SERVER_FRAMES),
)

SUBSCRIPTIONS: tuple[Row, ...] = (
    ("ALL_USERS", V, "everybody's moves"),
    ("ROLES", V, "of users in the roles listed"),
    ("FRIENDS", V, "of friends, whichever side declared it"),
    ("(absent)", V, "no presence, as SDK 4 says it"),
    ("NONE", D, "no presence, as SDK 3 says it"),
)

WEBHOOKS: tuple[Row, ...] = (
    ("user_connection_status_changed", D, "posted, with retries and Basic authentication"),
    ("after_connection_status_changed", D, "the legacy form"),
    *((name, N, "") for name in ("user_blocked", "user_unblocked", "message_sent")),
)

# ---- what the wire leaves open

BEHAVIOURS: tuple[tuple[str, str, Evidence, str], ...] = (
    ("several sockets", "presence", C, "online with the first, offline when the last one goes"),
    ("set_offline()", "presence", C, "offline although sockets are open, until the next opens"),
    ("the presence cap", "presence", C, "beyond it nobody's moves are told, not only the latest's"),
    ("ROLES without a list", "connection", C, "covers nobody; SDK 3 sends no list"),
    ("oneself as a friend", "connection", C, "nobody is among their own friends"),
    (
        "a reader that is behind",
        "connection",
        C,
        "told the latest of each user; cut off after 10 s",
    ),
    ("a key without an appId", "callers", C, "is enough: the key names its app"),
    ("what the auth key may do", "callers", C, "make auth tokens, create and update users"),
    ("a bad jwt over HTTP", "callers", C, "ERR_NO_AUTH"),
    ("sockets after logout", "rest", C, "stay until the client closes them"),
    ("deleting for good or not", "manage_users", C, "is the same"),
    ("one unknown uid of many", "manage_users", C, "refuses them all"),
    ("new friends", "manage_friends", C, "each uid has its own answer"),
    ("one of many who is no friend", "manage_friends", C, "refuses them all"),
    ("a token made again", "manage_tokens", C, "is new, with `force` or without"),
    ("sockets of a deleted token", "manage_tokens", C, "stay open"),
    ("jwts of one token", "credentials", C, "the oldest ends when there are more than 100"),
    ("the 26th role", "manage_roles", C, "ERR_PLAN_QUOTA_RESTRICTION, unless strict is off"),
    ("users of a deleted role", "manage_roles", C, "have the default one"),
    ("logging in as a deactivated user", "world", C, "ERR_UID_NOT_FOUND"),
    ("deactivating and deleting", "world", C, "end tokens and sockets (1008)"),
    ("a webhook's delivery", "webhooks", C, "any 2xx is one; redirects are not followed"),
    ("a webhook's retries", "webhooks", C, "may come after a later change of the same user"),
    ("a user moved without a socket", "webhooks", C, "has no details of a connection"),
    ("the legacy webhook's time", "webhooks", C, "is data.event.timestamp, in milliseconds"),
    ("rate limits", "quota", C, "of the whole app; minutes begin with the clock's"),
    ("a bad jwt on the socket", "websocket", C, 'code "401", then closed with 1008'),
    ("an unknown subscription", "websocket", C, "is none, and noted in the journal"),
    (
        "a silent socket",
        "websocket",
        C,
        "closed after 45 s; one that never authenticates after 5 s",
    ),
    ("oneself in the list of users", "user_query", C, "is shown"),
    ("HTTP status codes", "refusal", C, "sensible ones; the SDK reads the code in the body only"),
    ("a state that cannot be written to --data", "gate", C, "507 and ERR_NOT_KEPT"),
    ("an unknown request", "refusal", C, "501 and ERR_NOT_EMULATED"),
)

TABLE: tuple[Entry, ...] = (
    *_entries(Kind.ENDPOINT, "client API", CLIENT_ENDPOINTS),
    *_entries(Kind.ENDPOINT, "management API", MANAGEMENT_ENDPOINTS),
    *_entries(Kind.HEADER, "request", REQUEST_HEADERS),
    *_entries(Kind.HEADER, "answer", ANSWER_HEADERS),
    *_entries(Kind.QUERY, "GET /users", USERS_OPTIONS),
    *_entries(Kind.QUERY, "GET /users with apiKey", MANAGED_USERS_OPTIONS),
    *(entry for path in PAGED for entry in _entries(Kind.QUERY, path, PAGE_OPTIONS)),
    *(entry for path, rows in MEMBERS.items() for entry in _entries(Kind.MEMBER, path, rows)),
    *_entries(Kind.SETTING, "settings", SETTINGS),
    *_entries(Kind.FRAME, "from the client", CLIENT_FRAMES),
    *_entries(Kind.FRAME, "from the server", SERVER_FRAMES),
    *_entries(Kind.SUBSCRIPTION, "auth frame", SUBSCRIPTIONS),
    *_entries(Kind.WEBHOOK, "posted", WEBHOOKS),
    *(Entry(Kind.BEHAVIOUR, name, where, grade, note) for name, where, grade, note in BEHAVIOURS),
)
