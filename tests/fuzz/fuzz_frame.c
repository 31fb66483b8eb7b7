/* Any input: the one-pass decoder of presence frames says the same as the parser of record, or
 * leaves it the word; and nothing is read beyond the text or kept of it.
 *
 * Reaches at least 480 edges. */
#include <stdint.h>
#include <stdlib.h>

#include "../c/same_frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cp_status status;
    if (!both_roads_agree((cp_slice){(const char *)data, size}, cp_slice_of("me"), &status))
        abort();
    return 0;
}
