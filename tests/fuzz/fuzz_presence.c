/* A message of the server's socket: it is read, or an error leaves an empty frame; never both,
 * and the same both times.  What is read can be given to Python as it is.
 *
 * Reaches at least 480 edges. */
#include "core/frame.h"

#include "fuzz.h"

static const cp_slice session_id = {"PY-me", 5};

static void check_word(const char *word, size_t size)
{
    CHECK(memchr(word, '\0', size) != NULL);
    CHECK(cp_utf8_is_valid(cp_slice_of(word)));
}

static void check_frame(const cp_frame *self, cp_status status)
{
    check_word(self->auth_code, sizeof self->auth_code);
    check_word(self->auth_status, sizeof self->auth_status);
    CHECK(!self->accepted || self->kind == CP_FRAME_AUTH);
    CHECK((self->kind == CP_FRAME_PRESENCE) == (self->presence.user != NULL));
    if (self->kind == CP_FRAME_PRESENCE) {
        CHECK(self->presence.status == CP_ONLINE || self->presence.status == CP_OFFLINE);
        check_presence(&self->presence);
    }
    if (status != CP_OK)
        CHECK(self->kind == CP_FRAME_UNKNOWN && !self->is_echo && !self->trimmed);
}

static void check_equal(const cp_frame *a, const cp_frame *b)
{
    CHECK_INT(a->kind, b->kind);
    CHECK_INT(a->is_echo, b->is_echo);
    CHECK_TEXT(a->auth_code, b->auth_code);
    CHECK_INT(a->presence.at, b->presence.at);
    CHECK(a->presence.user == NULL || cp_user_equal(a->presence.user, b->presence.user));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cp_frame_reader reader = {.session_id = session_id};
    cp_frame first, second;
    char *text = exact_copy(slice_of_input(data, size));
    cp_status status = cp_frame_read(&reader, (cp_slice){text, size}, &first);

    CHECK_INT(cp_frame_read(&reader, (cp_slice){text, size}, &second), status);
    free(text); /* nothing of it may be left in the frames */
    check_frame(&first, status);
    check_equal(&first, &second);
    cp_frame_destroy(&first);
    cp_frame_destroy(&second);
    return 0;
}
