#ifndef CP_CORE_SCOPE_H
#define CP_CORE_SCOPE_H

#include "core/config.h"
#include "core/user.h"

/* Whose presence a client wants to know: those whom its subscription is about, and besides
 * them the watched, who are looked up by uid. */

bool cp_scope_is_empty(const cp_config *config);
bool cp_scope_has_watched(const cp_config *config); /* anybody */
bool cp_scope_watches(const cp_config *config, cp_slice uid);

/* Whether he is in it, as he is now.  A friend is not known by his profile: the server's
 * list of friends would have had him. */
bool cp_scope_has(const cp_config *config, const cp_user *user);

#endif
