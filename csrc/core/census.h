#ifndef CP_CORE_CENSUS_H
#define CP_CORE_CENSUS_H

#include <stdbool.h>
#include <stdint.h>

/* Whether the platform can be trusted to push: the server's count of online users against
 * the number we know, for those who subscribe to everybody.
 *
 * A difference proves nothing by itself, since either may be late.  So it asks for a fresh
 * comparison, and only the second in a row counts; agreement right after a comparison says
 * that the comparison was good, not that anything is pushed, and does not break the row.
 * Beyond the cap there is no doubt.  It takes two agreements, a comparison between them, to
 * be trusted again. */

/* Presence stops scaling at so many online users of an app: past it events silently stop
 * (CometChat's documentation; PROTOCOL §8). */
#define CP_PRESENCE_CAP 1000

typedef enum cp_census_reason {
    CP_CENSUS_FINE,
    CP_CENSUS_CAPPED,    /* more are online than the platform pushes for */
    CP_CENSUS_THROTTLED, /* what was pushed does not add up to the server's count */
} cp_census_reason;

typedef struct cp_census {
    cp_census_reason reason;  /* why pushing is not trusted; FINE: it is */
    bool awaits_comparison;   /* until then no count is taken into account */
    unsigned differences;     /* in a row */
    unsigned agreements;      /* in a row, while not trusted */
} cp_census;

void cp_census_init(cp_census *self);
void cp_census_compared(cp_census *self); /* the roster was just compared with the server */

/* The server counts `count` users, the roster `online`.  `is_fresh`: nothing was to be
 * pushed since the last comparison.  True: compare again, whatever the verdict. */
bool cp_census_counted(cp_census *self, int64_t count, int64_t online, bool is_fresh);

#endif
