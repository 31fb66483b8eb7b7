#ifndef CP_CORE_HTTP_DATE_H
#define CP_CORE_HTTP_DATE_H

#include <stdint.h>

#include "core/slice.h"

/* An instant as HTTP writes it, "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, 5.6.7), in seconds
 * since 1970; CP_ABSENT for anything else.  The two obsolete forms, which nobody may send any
 * more, are anything else, too; the name of the day is not compared with the date. */
int64_t cp_http_date_read(cp_slice text);

#endif
