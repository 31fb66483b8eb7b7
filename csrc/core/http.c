#include "core/http.h"

#include "core/text.h"

void cp_http_request_init(cp_http_request *self)
{
    *self = (cp_http_request){.method = "GET", .deadline = CP_NEVER};
    cp_buffer_init(&self->path);
    cp_buffer_init(&self->body);
}

void cp_http_request_destroy(cp_http_request *self)
{
    for (unsigned i = 0; i < self->headers; i++)
        cp_secret_free(self->header[i].value);
    cp_buffer_wipe(&self->path);
    cp_buffer_destroy(&self->path);
    cp_buffer_wipe(&self->body);
    cp_buffer_destroy(&self->body);
    cp_http_request_init(self);
}

cp_status cp_http_request_add(cp_http_request *self, const char *name, cp_slice value)
{
    char *copy;
    if (!value.data || cp_slice_has_control(value) || self->headers == CP_HTTP_HEADERS)
        return CP_ERR_ARGUMENT;
    cp_status status = cp_text_copy_slice(&copy, value);
    if (status == CP_OK)
        self->header[self->headers++] = (cp_http_header){name, copy};
    return status;
}
