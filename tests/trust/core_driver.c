/* The C core, session and roster, for a test in Python: facts go in by functions, all that
 * the session wishes for comes out as lines of text, fields parted by tabs.  No thread, no
 * socket, no clock: time is the test's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/session.h"

#define UNIX_MS INT64_C(1800000000000) /* when the virtual clock stood at 0 */

typedef struct driver {
    cp_config config;
    cp_roster *roster;
    cp_session *session;
    cp_now now;
    char *said; /* what the last pull wrote */
    size_t length;
    FILE *out; /* into `said`, while pulling */
} driver;

/* A call with the number the test knows it by. */
typedef struct numbered {
    cp_call call; /* first: the session gives its address back */
    int number;
} numbered;

typedef struct driver_options {
    int32_t subscription, page_size, queue_size, whole, has_token_provider;
    int64_t audit_after, sync_every; /* below 0: never */
    int64_t watched_every;
    uint64_t seed;
    const char *role;    /* subscribed to; NULL: as the subscription is */
    const char *watched; /* uids with commas between */
} driver_options;

/* A NULL-terminated list of copies; NULL for "". */
static char **split(const char *text)
{
    char **list = text && *text ? calloc(strlen(text) + 2, sizeof *list) : NULL;

    for (size_t count = 0; list != NULL && *text != '\0'; count++) {
        size_t length = strcspn(text, ",");

        list[count] = strndup(text, length);
        text += length + (text[length] == ',');
    }
    return list;
}

/* ---- life */

driver *driver_new(const driver_options *options)
{
    driver *self = calloc(1, sizeof *self);

    if (self == NULL)
        return NULL;
    cp_config_init(&self->config);
    self->config.app_id = strdup("app1");
    self->config.region = strdup("us");
    self->config.version = strdup("1.0");
    self->config.session_id = strdup("PY-me");
    self->config.device_id = strdup("device");
    self->config.subscription = (cp_subscription)options->subscription;
    self->config.page_size = options->page_size;
    self->config.queue_size = (uint32_t)options->queue_size;
    self->config.sync_whole = options->whole;
    self->config.has_token_provider = options->has_token_provider;
    self->config.audit_after = options->audit_after < 0 ? CP_NEVER : options->audit_after;
    self->config.sync_every = options->sync_every < 0 ? CP_NEVER : options->sync_every;
    self->config.roles = split(options->role);
    self->config.watched = split(options->watched);
    self->config.watched_every = options->watched_every;
    self->roster = cp_roster_new(self->config.queue_size, self->config.max_users, options->seed);
    self->session = cp_session_new(&self->config, self->roster, options->seed);
    return self;
}

/* Only after a CLOSE call is done: it ends all others. */
void driver_free(driver *self)
{
    cp_session_free(self->session);
    cp_roster_free(self->roster);
    cp_config_destroy(&self->config);
    free(self->said);
    free(self);
}

void driver_set_now(driver *self, int64_t usec)
{
    self->now = (cp_now){usec, UNIX_MS + usec / 1000};
}

/* ---- facts */

static char *copy(const char *text)
{
    return text ? strdup(text) : NULL;
}

void *driver_called(driver *self, int kind, int number, int64_t timeout, const char *uid,
                    const char *auth_key, const char *auth_token)
{
    numbered *made = calloc(1, sizeof *made);

    if (made == NULL)
        return NULL;
    cp_call_init(&made->call, (cp_call_kind)kind);
    made->number = number;
    made->call.timeout = timeout < 0 ? CP_NEVER : timeout;
    made->call.uid = copy(uid);
    made->call.auth_key = copy(auth_key);
    made->call.auth_token = copy(auth_token);
    cp_session_called(self->session, &made->call, self->now);
    return made;
}

void driver_cancelled(driver *self, void *call)
{
    cp_session_cancelled(self->session, &((numbered *)call)->call, self->now);
}

void driver_opened(driver *self)
{
    cp_session_opened(self->session, self->now);
}

void driver_received(driver *self, const char *text)
{
    cp_session_received(self->session, cp_slice_of(text), self->now);
}

static void set_failure(cp_failure *failure, int kind)
{
    if (kind != CP_FAILURE_NONE)
        cp_failure_set(failure, (cp_failure_kind)kind, "ERR_TRANSPORT", "the test wanted it");
}

void driver_answered(driver *self, uint64_t ticket, int failure, int status, const char *body,
                     const char *retry_after)
{
    cp_http_answer answer = {.ticket = ticket, .status = status};

    set_failure(&answer.failure, failure);
    answer.body = cp_slice_of(body);
    answer.retry_after = cp_slice_of(retry_after);
    cp_session_answered(self->session, &answer, self->now);
}

void driver_closed(driver *self, int code, int clean, int failure)
{
    cp_ending ending = {.code = (uint16_t)code, .clean = clean};

    set_failure(&ending.failure, failure);
    cp_session_closed(self->session, &ending, self->now);
}

void driver_elapsed(driver *self)
{
    cp_session_elapsed(self->session, self->now);
}

int64_t driver_deadline(const driver *self)
{
    return cp_session_deadline(self->session);
}

/* ---- wishes */

static void tell_notices(driver *self)
{
    cp_notice notice;

    while (cp_session_next_notice(self->session, &notice)) {
        fprintf(self->out, "notice\t%d\t%s\t%s\n", notice.kind, notice.failure.code, notice.reason);
        cp_notice_destroy(&notice);
    }
}

static void apply(driver *self)
{
    bool more = true;

    while (more) {
        more = cp_session_apply(self->session, self->now);
        cp_session_tidy(self->session);
        tell_notices(self);
    }
}

static bool tell_wish(driver *self)
{
    static const char *const words[] = {"stay", "connect", "close", "abort"};
    cp_wish wish = cp_session_wish(self->session);

    if (wish != CP_WISH_STAY)
        fprintf(self->out, "%s\n", words[wish]);
    return wish != CP_WISH_STAY;
}

static void tell_frames(driver *self)
{
    cp_slice text;

    while (cp_session_next_frame(self->session, &text))
        fprintf(self->out, "frame\t%.*s\n", (int)text.length, text.data);
}

static void tell_dropped(driver *self)
{
    uint64_t ticket;

    while (cp_session_next_dropped(self->session, &ticket))
        fprintf(self->out, "drop\t%llu\n", (unsigned long long)ticket);
}

static const char *token_in(const cp_http_request *request)
{
    for (unsigned i = 0; i < request->headers; i++) {
        if (strcmp(request->header[i].name, "authToken") == 0)
            return request->header[i].value;
    }
    return "";
}

static bool tell_requests(driver *self)
{
    cp_http_request request;
    bool any = false;

    cp_http_request_init(&request);
    while (cp_session_next_request(self->session, &request)) {
        fprintf(self->out, "request\t%llu\t%s\t%.*s\t%s\t%lld\n",
                (unsigned long long)request.ticket, request.method, (int)request.path.length,
                request.path.data, token_in(&request), (long long)request.deadline);
        cp_http_request_destroy(&request);
        any = true;
    }
    cp_http_request_destroy(&request);
    return any;
}

static void tell_done(driver *self)
{
    cp_call *done;

    while ((done = cp_session_next_done(self->session)) != NULL) {
        numbered *made = (numbered *)done;

        fprintf(self->out, "done\t%d\t%d\t%s\n", made->number, done->failure.kind,
                done->failure.code);
        cp_call_destroy(done);
        free(made);
    }
}

/* After every fact, until nothing is left; the text stands until the next pull. */
const char *driver_pull(driver *self)
{
    bool more = true;

    free(self->said);
    self->said = NULL;
    self->out = open_memstream(&self->said, &self->length);
    while (more) {
        apply(self);
        more = tell_wish(self);
        tell_frames(self);
        tell_dropped(self);
        more |= tell_requests(self);
    }
    tell_done(self);
    fclose(self->out);
    return self->said;
}

/* ---- what listeners are told, and what is known */

/* "uid status previous origin seq coalesced", one change a line, at most `most`. */
const char *driver_changes(driver *self, int most)
{
    cp_change change;

    free(self->said);
    self->said = NULL;
    self->out = open_memstream(&self->said, &self->length);
    while (most-- > 0 && cp_roster_next_change(self->roster, &change)) {
        cp_slice uid = cp_user_text_of(change.user, CP_USER_UID);

        fprintf(self->out, "%.*s\t%d\t%d\t%d\t%llu\t%u\n", (int)uid.length, uid.data, change.status,
                change.previous, change.origin, (unsigned long long)change.seq, change.coalesced);
        cp_user_release(change.user);
    }
    fclose(self->out);
    return self->said;
}

int driver_state(const driver *self)
{
    return cp_session_state_of(self->session);
}

int driver_sync_state(const driver *self)
{
    return cp_roster_state(self->roster);
}

int driver_status(const driver *self, const char *uid)
{
    return cp_roster_status(self->roster, cp_slice_of(uid));
}

uint32_t driver_high_water(const driver *self)
{
    return cp_roster_counts_of(self->roster).high_water;
}

uint64_t driver_coalesced(const driver *self)
{
    return cp_roster_counts_of(self->roster).coalesced;
}
