#ifndef CP_CORE_TEXT_H
#define CP_CORE_TEXT_H

#include <stdbool.h>

#include "core/slice.h"
#include "core/status.h"

/* Strings and NULL-terminated lists of them, as a struct owns them: NULL means not given,
 * and a copy of NULL is NULL. */

/* Copying: CP_OK, or CP_ERR_NOMEM and `*out` NULL */
cp_status cp_text_copy(char **out, const char *from);
cp_status cp_text_copy_slice(char **out, cp_slice from); /* CP_ERR_ENCODING: it carries NUL */
cp_status cp_texts_copy(char ***out, char *const *from);
void cp_texts_free(char **self); /* the list and its strings; NULL is legal */

/* Secrets */
void cp_wipe(void *bytes, size_t length); /* overwrites, and no optimiser may drop it */
void cp_secret_free(char *self);          /* wipes first; NULL is legal */

/* Looking: ASCII only, whatever the locale */
bool cp_text_is_empty(const char *self);  /* NULL, "" or blanks */
bool cp_text_is_label(const char *self);  /* one part of a host name, between dots */
bool cp_slice_has_control(cp_slice self); /* below space, or DEL */
char cp_lower(char byte);
bool cp_text_equal_caseless(const char *a, const char *b);
bool cp_slice_equal_caseless(cp_slice a, cp_slice b);

#endif
