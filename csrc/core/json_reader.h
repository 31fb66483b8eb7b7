#ifndef CP_CORE_JSON_READER_H
#define CP_CORE_JSON_READER_H

#include <stdint.h>

#include "core/json_scan.h"
#include "core/sixteen.h"

/* Reads a document of a known shape in one pass, without a tree: the caller walks objects
 * and takes what it knows by name.  It may give up on anything, right or wrong, and then
 * whoever wants to know asks cp_json_parse(); what it does read is what that would. */
typedef struct cp_json_reader {
    cp_json_scanner scan;
    bool gave_up; /* for good: from then on nothing more is read */
    char *room;   /* for texts that do not stand in the document as they are meant */
} cp_json_reader;

/* Written anew, a text is at most so many times as long. */
#define CP_JSON_WIDENED 3

/* `room` is for CP_JSON_WIDENED times the text; both are lent to what is read. */
cp_json_reader cp_json_reader_of(cp_slice text, unsigned depth, char *room);
bool cp_json_reader_is_done(cp_json_reader *self); /* it read the whole document */
__attribute__((cold)) void cp_json_reader_give_up(cp_json_reader *self);

/* Walking an object: enter() it; while that, or next() after a member's value, is true, take a
 * name and then a value.  False: no more; or it is no object, or the reader gave up. */
bool cp_json_reader_enter(cp_json_reader *self);
bool cp_json_reader_leave(cp_json_reader *self);
static inline bool cp_json_reader_next(cp_json_reader *self)
{
    return cp_json_skip_mark(&self->scan, ',') || cp_json_reader_leave(self);
}

/* A name as it stands in a document, with its quotes and the colon. */
#define CP_JSON_LABEL_SIZE 16
typedef struct cp_json_label {
    char text[CP_JSON_LABEL_SIZE];
    uint16_t length;
    uint16_t bits; /* so many */
} cp_json_label;

#define CP_JSON_LABEL(name)                                                                        \
    {"\"" name "\":", sizeof("\"" name "\":") - 1, (1u << (sizeof("\"" name "\":") - 1)) - 1}

cp_slice cp_json_reader_name(cp_json_reader *self); /* any; absent: gave up */

/* False: it is another, or the document is about to end. */
static inline bool cp_json_reader_skip_name(cp_json_reader *self, const cp_json_label *wanted)
{
    cp_json_scanner *scan = &self->scan;
    if (scan->end - scan->at < CP_JSON_LABEL_SIZE)
        return false;
    cp_sixteen there = cp_sixteen_at(scan->at);
    uint64_t same = cp_sixteen_bits(there == cp_sixteen_at(wanted->text));
    if ((same & wanted->bits) != wanted->bits)
        return false;
    scan->at += wanted->length;
    return true;
}

/* Each takes the space before it, too.  A value of another type is taken as absent. */
cp_slice cp_json_reader_any_text(cp_json_reader *self);
int64_t cp_json_reader_count(cp_json_reader *self);              /* as cp_json_count() */
cp_slice cp_json_reader_raw(cp_json_reader *self, char opening); /* as cp_json_print() */
void cp_json_reader_skip_any(cp_json_reader *self);

/* As a rule it is a plain string. */
static inline void cp_json_reader_skip(cp_json_reader *self)
{
    ptrdiff_t length = cp_json_plain_length(&self->scan);
    if (length < 0)
        cp_json_reader_skip_any(self);
    else
        self->scan.at += length + 2;
}

static inline cp_slice cp_json_reader_text(cp_json_reader *self)
{
    ptrdiff_t length = cp_json_plain_length(&self->scan);
    if (length < 0)
        return cp_json_reader_any_text(self);
    const char *text = self->scan.at + 1;
    self->scan.at = text + length + 1;
    return (cp_slice){text, (size_t)length};
}

#endif
