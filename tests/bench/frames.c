#include "frames.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define UID_MARK "#######"
#define TIME_MARK "@@@@@@@@@@"
#define EPOCH 1700000000u
#define HEADER 4 /* bytes of a frame from 126 bytes to 64 KiB on */

#define USER(status)                                                                               \
    "{\"uid\":\"user-" UID_MARK "\",\"name\":\"%s\","                                              \
    "\"avatar\":\"https://data-us.example.invalid/app1/avatars/user-" UID_MARK ".png\","           \
    "\"link\":\"https://school.example.invalid/people/user-" UID_MARK "\","                        \
    "\"status\":\"" status "\",\"role\":\"%s\",\"statusMessage\":\"%s\","                          \
    "\"lastActiveAt\":" TIME_MARK ",\"createdAt\":1700000000,\"updatedAt\":1700000100%s}"

#define FRAME(action, status)                                                                      \
    "{\"appId\":\"app1\",\"deviceId\":\"WEB-4_2_0-8fa5c95f-a274-4c4d-be2d-35f2fcc7ab9f-"           \
    "179548" UID_MARK "\",\"type\":\"presence\",\"sender\":\"user-" UID_MARK "\","                 \
    "\"body\":{\"action\":\"" action "\",\"timestamp\":" TIME_MARK ",\"user\":" USER(status) "}}"

/* A quarter has escapes, a quarter letters beyond ASCII, half metadata or tags. */
static const struct person {
    const char *name, *role, *status_message, *rest;
} people[] = {
    {"Bob Builder", "teacher", "In room 12 until noon",
     ",\"metadata\":{\"class\":\"4b\",\"seat\":12}"},
    {"Carol \\\"Caz\\\" Clark", "student", "Reading\\nback at 10:30",
     ",\"tags\":[\"vip\",\"new here\"]"},
    {"J\xc3\xbcrgen M\xc3\xbcller-L\xc3\xbc"
     "denscheidt",
     "default",
     "Ich bin gleich zur\xc3\xbc"
     "ck \xe2\x98\x95",
     ""},
    {"Dave Dawson", "student", "At lunch, please leave a message", ""},
};
#define PEOPLE (sizeof people / sizeof *people)

/* A text and where in it the uid and the time go. */
typedef struct mould {
    char text[FRAME_MAX];
    size_t length;
    size_t uid[8], time[4];
    size_t uids, times;
} mould;

static mould online[PEOPLE], offline[PEOPLE], listed[PEOPLE];

static size_t find_marks(const char *text, const char *mark, size_t *at)
{
    size_t count = 0;
    for (const char *found = strstr(text, mark); found; found = strstr(found + 1, mark))
        at[count++] = (size_t)(found - text);
    return count;
}

static void make_mould(mould *out, const char *format, const struct person *person)
{
    int length = snprintf(out->text, sizeof out->text, format, person->name, person->role,
                          person->status_message, person->rest);
    assert(length > 125 && (size_t)length < sizeof out->text - HEADER);
    out->length = (size_t)length;
    out->uids = find_marks(out->text, UID_MARK, out->uid);
    out->times = find_marks(out->text, TIME_MARK, out->time);
}

void frames_prepare(void)
{
    for (size_t i = 0; i < PEOPLE; i++) {
        make_mould(&online[i], FRAME("online", "available"), &people[i]);
        make_mould(&offline[i], FRAME("offline", "offline"), &people[i]);
        make_mould(&listed[i], USER("available"), &people[i]);
    }
}

static void put_number(uint64_t number, size_t digits, char *out)
{
    while (digits > 0) {
        out[--digits] = (char)('0' + number % 10);
        number /= 10;
    }
}

static void put_numbers(uint64_t number, size_t digits, const size_t *at, size_t count, char *out)
{
    char text[16];
    put_number(number, digits, text);
    for (size_t i = 0; i < count; i++)
        memcpy(out + at[i], text, digits);
}

static size_t fill(const mould *from, uint32_t user, uint64_t time, char *out)
{
    memcpy(out, from->text, from->length);
    put_numbers(user, sizeof UID_MARK - 1, from->uid, from->uids, out);
    put_numbers(time, sizeof TIME_MARK - 1, from->time, from->times, out);
    return from->length;
}

size_t frame_write(uint64_t number, uint32_t users, char *out)
{
    uint32_t user = (uint32_t)(number % users);
    bool comes = number / users % 2 == 0;
    const mould *from = comes ? &online[user % PEOPLE] : &offline[user % PEOPLE];
    size_t length = fill(from, user, EPOCH + number, out + HEADER);
    out[0] = (char)0x81;
    out[1] = 126;
    out[2] = (char)(length >> 8);
    out[3] = (char)length;
    return HEADER + length;
}

size_t listed_user_write(uint32_t number, char *out)
{
    return fill(&listed[number % PEOPLE], number, EPOCH, out);
}
