#include "core/watchers.h"

#include <stdlib.h>

#include "core/text.h"

#define FIRST_BUCKETS 256
#define CALLS_A_BUCKET 2
#define BUCKETS_MAX (1u << 20)
#define LOOKS 256 /* at a time */
#define MANY 1000 /* of them are not swept for each deadline, but for all within … */
#define GRAIN (10 * CP_USEC_PER_MS)

void cp_watchers_init(cp_watchers *self)
{
    *self = (cp_watchers){.bucket_count = 1, .look_at = 1, .deadline = CP_NEVER};
    cp_call_list_init(&self->arrived);
    cp_call_list_init(&self->met);
    cp_call_list_init(&self->due);
    cp_call_list_init(&self->only);
    self->buckets = &self->only;
}

void cp_watchers_destroy(cp_watchers *self)
{
    if (self->buckets != &self->only)
        free(self->buckets);
    cp_watchers_init(self);
}

/* ---- buckets */

/* Who chooses these uids is our own caller, so FNV-1a will do. */
static uint32_t hash_of(cp_slice uid)
{
    uint32_t hash = 2166136261u;

    for (size_t i = 0; i < uid.length; i++)
        hash = (hash ^ (unsigned char)cp_lower(uid.data[i])) * 16777619u;
    return hash ^ hash >> 15;
}

static cp_call_list *bucket_of(cp_watchers *self, cp_slice uid)
{
    return &self->buckets[hash_of(uid) & (self->bucket_count - 1)];
}

static bool is_for(const cp_call *call, cp_slice uid)
{
    for (size_t i = 0; i < uid.length; i++)
        if (cp_lower(call->uid[i]) != cp_lower(uid.data[i]))
            return false; /* at its end at the latest: a uid has no NUL */
    return call->uid[uid.length] == '\0';
}

static void file(cp_watchers *self, cp_call *call)
{
    cp_call_list_push(bucket_of(self, cp_slice_of(call->uid)), call);
}

/* Without memory it stays as it is, and is slower. */
static void grow(cp_watchers *self)
{
    uint32_t old_count = self->bucket_count;
    uint32_t count = old_count > 1 ? old_count * 4 : FIRST_BUCKETS;
    cp_call_list *old = self->buckets, *grown = NULL;
    cp_call *call;

    if (count <= BUCKETS_MAX)
        grown = malloc(count * sizeof *grown);
    if (grown == NULL)
        return;
    for (uint32_t i = 0; i < count; i++)
        cp_call_list_init(&grown[i]);
    self->buckets = grown;
    self->bucket_count = self->look_at = count;
    for (uint32_t i = 0; i < old_count; i++)
        while ((call = cp_call_list_pop(&old[i])) != NULL)
            file(self, call);
    if (old != &self->only)
        free(old);
}

static void keep(cp_watchers *self, cp_call *call)
{
    if (self->count >= self->bucket_count * CALLS_A_BUCKET)
        grow(self);
    file(self, call);
    self->count += 1;
}

static cp_call *let_out(cp_watchers *self, cp_call_list *bucket, cp_call **link)
{
    self->count -= 1;
    return cp_call_list_unlink(bucket, link);
}

void cp_watchers_add(cp_watchers *self, cp_call *call)
{
    if (call->deadline < self->deadline)
        self->deadline = call->deadline;
    cp_call_list_push(&self->arrived, call);
}

/* ---- is it so? */

/* Nothing is known of him but that he is offline. */
static void meet_unheard_of(cp_call *call)
{
    cp_user_fields fields = {.text[CP_USER_UID] = cp_slice_of(call->uid)};

    for (int i = 0; i < CP_USER_NUMBERS; i++)
        fields.number[i] = CP_ABSENT;
    for (char *byte = call->uid; *byte != '\0'; byte++)
        *byte = cp_lower(*byte); /* as the server would call him */
    call->user = (cp_presence){.user = cp_user_new(&fields, &(bool){false}),
                               .status = CP_OFFLINE,
                               .last_active_at = CP_ABSENT,
                               .at = CP_ABSENT};
    if (call->user.user == NULL)
        (void)cp_failure_no_memory(&call->failure);
}

/* What a platform that does not tell all told us may be long over. */
static bool is_known(cp_watchers *self, const cp_call *call, const cp_roster *roster)
{
    if (call->is_fresh || !cp_roster_is_in_step(roster))
        return false;
    if (cp_roster_state(roster) == CP_SYNC_SYNCED || call->comparison <= self->compared)
        return true;
    if (call->comparison > self->wanted)
        self->wanted = call->comparison;
    return false;
}

static bool is_so(cp_watchers *self, const cp_call *call, const cp_roster *roster)
{
    return is_known(self, call, roster) &&
           cp_roster_status(roster, cp_slice_of(call->uid)) == call->wanted;
}

static void meet_as_known(cp_call *call, const cp_roster *roster)
{
    cp_roster_view view;

    if (cp_roster_find(roster, cp_slice_of(call->uid), &view))
        call->user = (cp_presence){.user = cp_user_hold(view.user),
                                   .status = call->wanted,
                                   .last_active_at = view.last_active_at,
                                   .at = CP_ABSENT};
    else
        meet_unheard_of(call);
}

/* ---- looking, a piece at a time */

static void look_through(cp_watchers *self, cp_call_list *bucket, const cp_roster *roster)
{
    for (cp_call **link = &bucket->first; *link != NULL;) {
        cp_call *call = *link;

        if (!is_so(self, call, roster)) {
            link = &call->next;
            continue;
        }
        meet_as_known(call, roster);
        cp_call_list_push(&self->met, let_out(self, bucket, link));
    }
}

static bool look_again(cp_watchers *self, const cp_roster *roster)
{
    for (int i = 0; i < LOOKS && self->look_at < self->bucket_count; i++)
        look_through(self, &self->buckets[self->look_at++], roster);
    return self->look_at < self->bucket_count;
}

static bool look_at_arrived(cp_watchers *self, const cp_roster *roster)
{
    cp_call *call;

    for (int i = 0; i < LOOKS && (call = cp_call_list_pop(&self->arrived)) != NULL; i++) {
        if (is_so(self, call, roster)) {
            meet_as_known(call, roster);
            cp_call_list_push(&self->met, call);
        } else {
            keep(self, call);
        }
    }
    return self->arrived.first != NULL;
}

bool cp_watchers_look(cp_watchers *self, const cp_roster *roster)
{
    return look_again(self, roster) || look_at_arrived(self, roster);
}

void cp_watchers_in_step(cp_watchers *self)
{
    self->look_at = self->count > 0 ? 0 : self->bucket_count;
}

void cp_watchers_compared(cp_watchers *self, unsigned comparison)
{
    self->compared = comparison;
    cp_watchers_in_step(self);
}

void cp_watchers_changed(cp_watchers *self, const cp_change *change)
{
    if (self->count == 0)
        return;

    cp_slice uid = cp_user_text_of(change->user, CP_USER_UID);
    cp_call_list *bucket = bucket_of(self, uid);
    for (cp_call **link = &bucket->first; *link != NULL;) {
        cp_call *call = *link;
        bool is_old = call->is_fresh && change->origin == CP_ORIGIN_SNAPSHOT;

        if (is_old || call->wanted != change->status || !is_for(call, uid)) {
            link = &call->next;
            continue;
        }
        call->user = (cp_presence){.user = cp_user_hold(change->user),
                                   .status = change->status,
                                   .last_active_at = change->last_active_at,
                                   .at = change->at};
        cp_call_list_push(&self->met, let_out(self, bucket, link));
    }
}

/* ---- out */

cp_call *cp_watchers_take_met(cp_watchers *self)
{
    return cp_call_list_pop(&self->met);
}

static void sweep(cp_watchers *self, cp_call_list *list, uint32_t *count, cp_usec now)
{
    for (cp_call **link = &list->first; *link != NULL;) {
        cp_call *call = *link;

        if (call->deadline <= now) {
            cp_call_list_push(&self->due, cp_call_list_unlink(list, link));
            *count -= 1;
            continue;
        }
        if (call->deadline < self->deadline)
            self->deadline = call->deadline;
        link = &call->next;
    }
}

cp_call *cp_watchers_take_due(cp_watchers *self, cp_usec now)
{
    if (now >= self->deadline) {
        self->deadline = CP_NEVER;
        sweep(self, &self->arrived, &(uint32_t){0}, now);
        for (uint32_t i = 0; i < self->bucket_count; i++)
            sweep(self, &self->buckets[i], &self->count, now);
        if (self->count > MANY && self->deadline < now + GRAIN)
            self->deadline = now + GRAIN;
    }
    return cp_call_list_pop(&self->due);
}

cp_call *cp_watchers_take_any(cp_watchers *self)
{
    cp_call *call = cp_call_list_pop(&self->met);

    if (call == NULL)
        call = cp_call_list_pop(&self->due);
    if (call == NULL)
        call = cp_call_list_pop(&self->arrived);
    for (uint32_t i = 0; call == NULL && self->count > 0; i++) {
        call = cp_call_list_pop(&self->buckets[i]);
        self->count -= call != NULL;
    }
    if (call == NULL)
        self->deadline = CP_NEVER;
    return call;
}

bool cp_watchers_remove(cp_watchers *self, cp_call *call)
{
    if (cp_call_list_remove(&self->arrived, call) || cp_call_list_remove(&self->met, call) ||
        cp_call_list_remove(&self->due, call))
        return true;
    if (!cp_call_list_remove(bucket_of(self, cp_slice_of(call->uid)), call))
        return false;
    self->count -= 1;
    return true;
}
