/* What anybody posts to a server as a webhook: it is read, or an error leaves an empty webhook
 * and says why; never both.
 *
 * Reaches at least 440 edges. */
#include "core/webhook.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cp_webhook webhook;
    cp_failure failure = {0};
    char *body = exact_copy(slice_of_input(data, size));
    cp_status status = cp_webhook_read((cp_slice){body, size}, &webhook, &failure);

    free(body); /* nothing of it may be left in the webhook */
    CHECK((status == CP_OK) == (webhook.presence.user != NULL));
    CHECK((status == CP_OK) == (failure.kind == CP_FAILURE_NONE));
    if (status == CP_OK) {
        CHECK(webhook.presence.status == CP_ONLINE || webhook.presence.status == CP_OFFLINE);
        check_presence(&webhook.presence);
    }
    CHECK(cp_utf8_is_valid(cp_slice_of(failure.message)));
    cp_webhook_destroy(&webhook);
    return 0;
}
