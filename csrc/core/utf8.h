#ifndef CP_CORE_UTF8_H
#define CP_CORE_UTF8_H

#include <stdbool.h>

#include "core/slice.h"

/* Strict UTF-8, as RFC 3629 has it: no overlong forms, no surrogates, nothing above
 * U+10FFFF. */
bool cp_utf8_is_valid(cp_slice text);

#endif
