#include "core/roster_entries.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"

#define FIRST_BLOCK_BITS 6
#define FIRST_SLOT_BITS 6
#define MOST_SLOT_BITS 31
#define SLOTS_A_MOVE 8

/* Open addressing.  The hash stands beside the number, so that a search looks at an entry
 * only when it is almost surely the one, and growing looks at none. */
typedef struct cp_entry_slot {
    uint32_t hash;
    uint32_t number; /* and one; 0: free */
} slot;

/* ---- uids */

/* Every byte of 'A' … 'Z' lowered, the others as they are. */
static uint64_t lower(uint64_t eight)
{
    const uint64_t each = UINT64_C(0x0101010101010101);
    uint64_t low_bits = eight & each * 0x7F;
    uint64_t from_a = low_bits + each * (0x80 - 'A'); /* top bit: at least 'A' */
    uint64_t after_z = low_bits + each * (0x7F - 'Z'); /* top bit: more than 'Z' */
    return eight | ((from_a ^ after_z) & ~eight & each * 0x80) >> 2;
}

static uint64_t eight_at(const char *bytes)
{
    uint64_t eight;
    memcpy(&eight, bytes, sizeof eight);
    return lower(eight);
}

/* The last eight, some of which may be among those before them; or all there are. */
static uint64_t last_of(cp_slice uid)
{
    if (uid.length >= 8)
        return eight_at(uid.data + uid.length - 8);
    char few[8] = {0};
    memcpy(few, uid.data, uid.length);
    return eight_at(few);
}

/* As a rule they are spelled alike. */
static bool is_same_uid(cp_slice a, cp_slice b)
{
    return cp_slice_equal(a, b) || cp_slice_equal_caseless(a, b);
}

static uint64_t rotate(uint64_t value, int bits)
{
    return value << bits | value >> (64 - bits);
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1], v[1] = rotate(v[1], 13) ^ v[0], v[0] = rotate(v[0], 32);
    v[2] += v[3], v[3] = rotate(v[3], 16) ^ v[2];
    v[0] += v[3], v[3] = rotate(v[3], 21) ^ v[0];
    v[2] += v[1], v[1] = rotate(v[1], 17) ^ v[2], v[2] = rotate(v[2], 32);
}

static void sip_absorb(uint64_t v[4], uint64_t eight)
{
    v[3] ^= eight;
    sip_round(v);
    v[0] ^= eight;
}

/* SipHash-1-3 of the lowered uid: who chooses uids cannot make them collide. */
static uint32_t hash_of(const cp_entries *self, cp_slice uid)
{
    uint64_t v[4] = {
        self->key[0] ^ UINT64_C(0x736F6D6570736575), self->key[1] ^ UINT64_C(0x646F72616E646F6D),
        self->key[0] ^ UINT64_C(0x6C7967656E657261), self->key[1] ^ UINT64_C(0x7465646279746573)};
    for (size_t offset = 0; offset + 8 < uid.length; offset += 8)
        sip_absorb(v, eight_at(uid.data + offset));
    sip_absorb(v, last_of(uid));
    sip_absorb(v, uid.length);
    v[2] ^= 0xFF;
    for (int i = 0; i < 3; i++)
        sip_round(v);
    uint64_t hash = v[0] ^ v[1] ^ v[2] ^ v[3];
    return (uint32_t)(hash ^ hash >> 32);
}

static cp_slice uid_of(const cp_entry *entry)
{
    return cp_user_text_of(entry->user, CP_USER_UID);
}

/* ---- blocks: each twice as large as the one before, so no entry ever moves */

static unsigned block_of(uint32_t number, uint32_t *offset)
{
    uint64_t from_one_block = (uint64_t)number + (1u << FIRST_BLOCK_BITS);
    unsigned top_bit = 63 - (unsigned)__builtin_clzll(from_one_block);
    *offset = (uint32_t)(from_one_block - (UINT64_C(1) << top_bit));
    return top_bit - FIRST_BLOCK_BITS;
}

cp_entry *cp_entries_at(const cp_entries *self, uint32_t number)
{
    uint32_t offset;
    unsigned block = block_of(number, &offset);
    return &self->block[block][offset];
}

static bool has_room_for_entry(cp_entries *self)
{
    uint32_t offset;
    unsigned block = block_of(self->count, &offset);
    if (!self->block[block])
        self->block[block] = calloc((size_t)1 << (FIRST_BLOCK_BITS + block), sizeof(cp_entry));
    return self->block[block] != NULL;
}

/* ---- slots */

static void put(cp_entries *self, slot filled)
{
    uint32_t mask = (UINT32_C(1) << self->bits) - 1;
    uint32_t at = filled.hash >> (32 - self->bits);
    while (self->slots[at].number != 0)
        at = (at + 1) & mask;
    self->slots[at] = filled;
}

/* A few with each entry that is added, since all at once would keep the roster's lock for
 * 43 ms on the way to a million users.  Until the last is moved, what is not among the new
 * slots is looked for among the old ones, which stay as they are.  The top bits of the hash
 * choose the slot, so this walks both from front to back. */
static void move_some(cp_entries *self)
{
    uint32_t size = self->old_slots ? UINT32_C(1) << (self->bits - 1) : 0;
    for (int i = 0; i < SLOTS_A_MOVE && self->moved < size; i++, self->moved++)
        if (self->old_slots[self->moved].number != 0)
            put(self, self->old_slots[self->moved]);
    if (self->old_slots && self->moved == size) {
        free(self->old_slots);
        self->old_slots = NULL;
    }
}

/* By now the growing before is long over: there were more additions than it took. */
static bool grow(cp_entries *self)
{
    unsigned bits = self->slots ? self->bits + 1 : FIRST_SLOT_BITS;
    slot *grown = NULL;
    if (bits <= MOST_SLOT_BITS)
        grown = calloc((size_t)1 << bits, sizeof *grown);
    if (!grown)
        return false;
    assert(!self->old_slots);
    self->old_slots = self->slots;
    self->moved = 0;
    self->slots = grown;
    self->bits = bits;
    return true;
}

static bool has_room_for_slot(cp_entries *self)
{
    uint64_t most = self->slots ? (UINT64_C(1) << self->bits) / 4 * 3 : 0;
    return self->count < most || grow(self);
}

/* ---- the whole */

void cp_entries_init(cp_entries *self, uint64_t seed)
{
    *self = (cp_entries){.key = {seed, seed * UINT64_C(0x9E3779B97F4A7C15) + 1}};
}

void cp_entries_destroy(cp_entries *self)
{
    for (uint32_t number = 0; number < self->count; number++)
        cp_user_release(cp_entries_at(self, number)->user);
    for (unsigned block = 0; block < CP_ENTRY_BLOCKS; block++)
        free(self->block[block]);
    free(self->slots);
    free(self->old_slots);
    *self = (cp_entries){0};
}

static uint32_t find_in(const cp_entries *self, const slot *slots, unsigned bits, uint32_t hash,
                        cp_slice uid)
{
    uint32_t at = hash >> (32 - bits), mask = (UINT32_C(1) << bits) - 1;
    for (; slots[at].number != 0; at = (at + 1) & mask) {
        uint32_t number = slots[at].number - 1;
        if (slots[at].hash == hash && is_same_uid(uid_of(cp_entries_at(self, number)), uid))
            return number;
    }
    return CP_NO_ENTRY;
}

uint32_t cp_entries_find(const cp_entries *self, cp_slice uid)
{
    if (!self->slots || uid.length == 0)
        return CP_NO_ENTRY;
    uint32_t hash = hash_of(self, uid);
    uint32_t number = find_in(self, self->slots, self->bits, hash, uid);
    if (number == CP_NO_ENTRY && self->old_slots)
        number = find_in(self, self->old_slots, self->bits - 1, hash, uid);
    return number;
}

/* Member by member, in place: to copy what was just put together, the processor has to wait for
 * its own writes. */
void cp_entry_change(const cp_entry *self, cp_change *out)
{
    out->user = self->user;
    out->last_active_at = self->last_active_at;
    out->at = self->at;
    out->received_at = self->received_at;
    out->seq = 0;
    out->generation = self->generation;
    out->coalesced = 0;
    out->status = self->status;
    out->previous = CP_UNKNOWN;
    out->origin = self->origin;
}

cp_change cp_entry_snapshot(const cp_entry *self)
{
    cp_change change;

    cp_entry_change(self, &change);
    cp_user_hold(change.user);
    change.status = CP_ONLINE;
    change.origin = CP_ORIGIN_SNAPSHOT;
    return change;
}

uint32_t cp_entries_add(cp_entries *self, cp_user *user)
{
    if (!has_room_for_entry(self) || !has_room_for_slot(self))
        return CP_NO_ENTRY;
    uint32_t number = self->count++;
    cp_entry *entry = cp_entries_at(self, number);
    entry->user = cp_user_hold(user);
    entry->last_active_at = entry->at = CP_ABSENT;
    put(self, (slot){hash_of(self, uid_of(entry)), number + 1});
    move_some(self);
    return number;
}
