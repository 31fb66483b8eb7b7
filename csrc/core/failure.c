#include "core/failure.h"

#include <stdarg.h>
#include <stdio.h>

#include "core/utf8.h"

void cp_failure_set(cp_failure *self, cp_failure_kind kind, const char *code, const char *format,
                    ...)
{
    /* Built aside: the arguments may be parts of the failure that is replaced.  A byte
     * more than fits, so that the copy below sees what it cuts. */
    char message[sizeof self->message + 1] = "";
    cp_failure failure = {.kind = kind};

    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);

    cp_utf8_copy(failure.code, sizeof failure.code, cp_slice_of(code));
    cp_utf8_copy(failure.message, sizeof failure.message, cp_slice_of(message));
    *self = failure;
}

cp_status cp_failure_refuse(cp_failure *self, const char *code, const char *what, const char *why)
{
    cp_failure_set(self, CP_FAILURE_CONFIG, code, "The %s %s.", what, why);
    return CP_ERR_ARGUMENT;
}

cp_status cp_failure_no_memory(cp_failure *self)
{
    cp_failure_set(self, CP_FAILURE_MEMORY, "ERR_NO_MEMORY", "There is no memory left.");
    return CP_ERR_NOMEM;
}
