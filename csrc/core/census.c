#include "core/census.h"

#define IN_A_ROW 2
#define FEW 2     /* as many may be on their way */
#define OURSELVES 1 /* are counted by some, and not by others */

void cp_census_init(cp_census *self)
{
    *self = (cp_census){.reason = CP_CENSUS_FINE};
}

void cp_census_compared(cp_census *self)
{
    self->awaits_comparison = false;
}

/* Two users or one in a hundred. */
static bool agrees(int64_t count, int64_t online)
{
    int64_t most = count > online ? count : online;
    int64_t difference = count > online ? count - online : online - count;
    int64_t tolerated = most / 100 > FEW ? most / 100 : FEW;

    return difference <= tolerated + OURSELVES;
}

static void distrust(cp_census *self, cp_census_reason reason)
{
    self->reason = reason;
    self->agreements = 0;
}

static bool differed(cp_census *self)
{
    self->agreements = 0;
    self->awaits_comparison = true;
    if (self->reason == CP_CENSUS_FINE && ++self->differences >= IN_A_ROW)
        distrust(self, CP_CENSUS_THROTTLED);
    return true;
}

static bool agreed(cp_census *self, bool is_fresh)
{
    if (self->reason == CP_CENSUS_FINE) {
        if (!is_fresh)
            self->differences = 0;
        return false;
    }
    self->awaits_comparison = true;
    if (++self->agreements < IN_A_ROW)
        return false;
    cp_census_init(self);
    return true; /* and whoever hears of it finds everything as it should be */
}

bool cp_census_counted(cp_census *self, int64_t count, int64_t online, bool is_fresh)
{
    if (count > CP_PRESENCE_CAP) {
        distrust(self, CP_CENSUS_CAPPED);
        return false;
    }
    if (self->awaits_comparison)
        return false;
    return agrees(count, online) ? agreed(self, is_fresh) : differed(self);
}
