#ifndef CP_CORE_JSON_READER_H
#define CP_CORE_JSON_READER_H

#include <stdint.h>

#include "core/json_scan.h"

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
void cp_json_reader_give_up(cp_json_reader *self);

/* For each member of the object that is next: its name, and then its value is to be taken,
 * by one of those below.  False: no more; or it is no object, or gave up. */
bool cp_json_reader_first(cp_json_reader *self, cp_slice *name);
bool cp_json_reader_next(cp_json_reader *self, cp_slice *name);

/* Taking a value of another type takes it as absent. */
cp_slice cp_json_reader_text(cp_json_reader *self);
int64_t cp_json_reader_count(cp_json_reader *self);              /* as cp_json_count() */
cp_slice cp_json_reader_raw(cp_json_reader *self, char opening); /* as cp_json_print() */
void cp_json_reader_skip(cp_json_reader *self);

#endif
