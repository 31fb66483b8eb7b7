#ifndef CP_CORE_CLOCK_H
#define CP_CORE_CLOCK_H

#include <stdint.h>

/* The one unit of time in C: microseconds of a monotonic clock, as lws counts them.  The
 * core never reads a clock; every fact it is told carries `now`. */
typedef int64_t cp_usec;

#define CP_USEC_PER_SEC INT64_C(1000000)
#define CP_USEC_PER_MS INT64_C(1000)
#define CP_NEVER INT64_MAX /* a deadline that does not come */

/* A server's number that was not sent, or was no number. */
#define CP_ABSENT INT64_MIN

#endif
