#ifndef CP_CORE_UTF8_H
#define CP_CORE_UTF8_H

#include <stdbool.h>

#include "core/slice.h"

/* Strict UTF-8, as RFC 3629 has it: no overlong forms, no surrogates, nothing above
 * U+10FFFF. */
bool cp_utf8_is_valid(cp_slice text);

/* How many bytes the character has that begins here, with a byte beyond ASCII.  0: none
 * does. */
size_t cp_utf8_length(const char *first, const char *past);

/* Copies what fits into `size` bytes, cut between characters, and ends it with NUL.  For
 * texts of fixed size that Python will read. */
void cp_utf8_copy(char *out, size_t size, cp_slice text);

#endif
