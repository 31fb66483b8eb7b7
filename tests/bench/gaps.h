#ifndef BENCH_GAPS_H
#define BENCH_GAPS_H

/* How far apart the pings of each socket come, over all sockets.  Any thread. */
void gaps_note(double ms);
void gaps_tell(void); /* in a line of JSON; and forgets them */

#endif
