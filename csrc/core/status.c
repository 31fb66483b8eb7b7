#include "core/status.h"

const char *cp_status_text(cp_status status)
{
    switch (status) {
    case CP_OK:
        return "success";
    case CP_ERR_MALFORMED:
        return "malformed data";
    case CP_ERR_TOO_LARGE:
        return "too much data";
    case CP_ERR_TOO_DEEP:
        return "data nested too deeply";
    case CP_ERR_ENCODING:
        return "text with a NUL, or not in UTF-8";
    case CP_ERR_PROTOCOL:
        return "the peer broke the protocol";
    case CP_ERR_ARGUMENT:
        return "invalid argument";
    case CP_ERR_CLOSED:
        return "already closed";
    case CP_ERR_FORKED:
        return "made in another process";
    case CP_ERR_OVERFLOW:
        return "too much was not taken in time";
    case CP_ERR_TIMEOUT:
        return "timed out";
    case CP_ERR_SYSTEM:
        return "the system refused a resource";
    case CP_ERR_REFUSED:
        return "refused by the server";
    case CP_ERR_STALLED:
        return "the network thread does not turn";
    case CP_ERR_FATAL:
        return "fatal error";
    case CP_ERR_NOMEM:
        return "out of memory";
    }
    return "unknown status";
}
