#ifndef CP_CORE_SIXTEEN_H
#define CP_CORE_SIXTEEN_H

#include <stdint.h>
#include <string.h>

/* Bytes, sixteen at a time.  Comparing two such vectors sets in each byte all bits or none. */
typedef signed char cp_sixteen __attribute__((vector_size(16)));

static inline cp_sixteen cp_sixteen_at(const char *bytes)
{
    cp_sixteen loaded;
    memcpy(&loaded, bytes, sizeof loaded);
    return loaded;
}

/* A bit for each byte of a comparison, the first the lowest. */
static inline uint64_t cp_sixteen_bits(cp_sixteen compared)
{
#ifdef __SSE2__
    typedef char chars __attribute__((vector_size(16)));
    return (unsigned)__builtin_ia32_pmovmskb128((chars)compared);
#else
    uint64_t bits = 0;
    for (unsigned i = 0; i < sizeof compared; i++)
        bits |= (uint64_t)(compared[i] & 1) << i;
    return bits;
#endif
}

#endif
