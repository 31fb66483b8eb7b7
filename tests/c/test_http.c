#include "core/http.h"

#include "test.h"

TEST(a_destroyed_request_is_empty_and_can_be_destroyed_again)
{
    cp_http_request request;
    cp_http_request_init(&request);
    cp_buffer_append_text(&request.path, "/users/alice");
    cp_buffer_append_text(&request.body, "{}");
    CHECK_INT(cp_http_request_add(&request, "apiKey", cp_slice_of("KEY")), CP_OK);
    CHECK_INT(request.headers, 1);
    CHECK_TEXT(request.header[0].name, "apiKey");
    CHECK_TEXT(request.header[0].value, "KEY");
    cp_http_request_destroy(&request);
    CHECK_INT(request.headers, 0);
    CHECK(request.path.data == NULL && request.body.data == NULL);
    cp_http_request_destroy(&request);
}

TEST(no_header_splits_another)
{
    cp_http_request request;
    cp_http_request_init(&request);
    CHECK_INT(cp_http_request_add(&request, "a", cp_slice_of("x\r\nb: y")), CP_ERR_ARGUMENT);
    CHECK_INT(cp_http_request_add(&request, "a", cp_slice_of("x\n")), CP_ERR_ARGUMENT);
    CHECK_INT(cp_http_request_add(&request, "a", (cp_slice){"x\0y", 3}), CP_ERR_ARGUMENT);
    CHECK_INT(cp_http_request_add(&request, "a", CP_ABSENT_SLICE), CP_ERR_ARGUMENT);
    CHECK_INT(request.headers, 0);
    cp_http_request_destroy(&request);
}

TEST(there_is_no_place_for_one_header_too_many)
{
    cp_http_request request;
    cp_http_request_init(&request);
    for (int i = 0; i < CP_HTTP_HEADERS; i++)
        CHECK_INT(cp_http_request_add(&request, "a", cp_slice_of("x")), CP_OK);
    CHECK_INT(cp_http_request_add(&request, "a", cp_slice_of("x")), CP_ERR_ARGUMENT);
    cp_http_request_destroy(&request);
}

TEST(a_header_without_memory_is_not_added)
{
    cp_http_request request;
    cp_http_request_init(&request);
    fail_allocation(1);
    CHECK_INT(cp_http_request_add(&request, "a", cp_slice_of("x")), CP_ERR_NOMEM);
    CHECK(allocation_failed());
    CHECK_INT(request.headers, 0);
    cp_http_request_destroy(&request);
}
