/* The same where no instruction looks at sixteen bytes. */
#undef __SSE2__
#include "core/json_scan.c"
#include "test_json_scan.c"
