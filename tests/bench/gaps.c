#include "gaps.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define MOST 100000 /* later ones are not looked at */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static double gaps[MOST];
static size_t count;

void gaps_note(double ms)
{
    pthread_mutex_lock(&lock);
    if (count < MOST)
        gaps[count++] = ms;
    pthread_mutex_unlock(&lock);
}

static int compare(const void *a, const void *b)
{
    double difference = *(const double *)a - *(const double *)b;
    return (difference > 0) - (difference < 0);
}

static double share(size_t hundredths)
{
    size_t place = count * hundredths / 100;
    return count == 0 ? 0 : gaps[place < count ? place : count - 1];
}

void gaps_tell(void)
{
    pthread_mutex_lock(&lock);
    qsort(gaps, count, sizeof *gaps, compare);
    printf("{\"pings\": %zu, \"p50_ms\": %.3f, \"p99_ms\": %.3f, \"most_ms\": %.3f}\n", count,
           share(50), share(99), share(100));
    count = 0;
    pthread_mutex_unlock(&lock);
}
