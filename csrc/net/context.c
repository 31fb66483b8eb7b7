#include <sys/resource.h>
#include <time.h>

#include "net/loop.h"

#define DESCRIPTORS_KNOWN 1048576 /* above this lws would build its tables for all of them */
#define DESCRIPTORS_ASSUMED 65536

struct lws_context *cp_loop_make_context(void)
{
    struct lws_context_creation_info info = cp_vhost_description();
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur > DESCRIPTORS_KNOWN)
        info.fd_limit_per_thread = DESCRIPTORS_ASSUMED;
    lws_set_log_level(0, NULL); /* every failure is reported in our own words */
    return lws_create_context(&info);
}

/* ---- what this runs with */

cp_usec cp_network_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * CP_USEC_PER_SEC + now.tv_nsec / 1000;
}

const char *cp_network_lws_version(void)
{
    return lws_get_library_version();
}

const char *cp_network_tls_version(void)
{
    return cp_vhosts_tls_version();
}

cp_certificate_places cp_network_certificate_places(void)
{
    return cp_vhosts_certificate_places();
}
