#ifndef CP_CORE_DIGITS_H
#define CP_CORE_DIGITS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Whether these eight bytes are digits, and of what number: pairs of neighbours become one,
 * three times, all pairs at once. */
static inline bool cp_eight_digits(const char *bytes, uint64_t *number)
{
    const uint64_t each = UINT64_C(0x0101010101010101);
    uint64_t eight;
    memcpy(&eight, bytes, sizeof eight);
    if (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)
        eight = __builtin_bswap64(eight);
    uint64_t above_nine = eight + each * (0x80 - '9' - 1); /* top bit: so it is */
    uint64_t digits = eight - each * '0';                  /* top bit: it is below zero */
    if ((eight | above_nine | digits) & each * 0x80)
        return false;
    digits = digits * 10 + (digits >> 8);
    digits = (digits & UINT64_C(0x00FF00FF00FF00FF)) * 100 +
             (digits >> 16 & UINT64_C(0x00FF00FF00FF00FF));
    *number = (digits & 0xFFFF) * 10000 + (digits >> 32 & 0xFFFF);
    return true;
}

#endif
