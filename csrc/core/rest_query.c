#include "core/rest.h"

#include <stdlib.h>
#include <string.h>

#include "core/text.h"

void cp_users_query_init(cp_users_query *self)
{
    *self = (cp_users_query){.page = 1};
}

void cp_users_query_destroy(cp_users_query *self)
{
    free(self->search_keyword);
    free(self->status);
    free(self->sort_by);
    free(self->sort_order);
    cp_texts_free(self->search_in);
    cp_texts_free(self->roles);
    cp_texts_free(self->tags);
    cp_texts_free(self->uids);
    cp_users_query_init(self);
}

static cp_status check_numbers(const cp_users_query *self, cp_failure *failure)
{
    if (self->limit == 0)
        return cp_failure_refuse(failure, "SET_LIMIT_IS_COMPULSORY", "limit", "is not set");
    if (self->limit < 0)
        return cp_failure_refuse(failure, "INVALID_SET_LIMIT", "limit", "is below 1");
    if (self->limit > CP_USERS_LIMIT_MAX)
        return cp_failure_refuse(failure, "ERROR_SET_LIMIT_EXCEEDED", "limit", "is above 100");
    if (self->page < 1)
        return cp_failure_refuse(failure, "INVALID_PAGE", "page", "is below 1");
    return CP_OK;
}

static cp_status check_status_word(const char *word, cp_failure *failure)
{
    if (!word || strcmp(word, "online") == 0 || strcmp(word, "available") == 0 ||
        strcmp(word, "offline") == 0)
        return CP_OK;
    return cp_failure_refuse(failure, "INVALID_STATUS_VALUE", "status",
                             "is neither online nor offline");
}

static cp_status check_word(const char *word, const char *name, cp_failure *failure)
{
    if (cp_slice_has_control(cp_slice_of(word)))
        return cp_failure_refuse(failure, "INVALID_PARAMETER", name,
                                 "has control characters in it");
    return CP_OK;
}

static bool is_item(const char *text)
{
    cp_slice item = cp_slice_of(text);
    return !cp_text_is_empty(text) && !cp_slice_has_control(item) && !strchr(text, ',');
}

/* An empty item is refused rather than left out: a list of nothing else would then ask for
 * everybody.  One with a comma would be several to the server. */
static cp_status check_list(char *const *list, const char *code, const char *name,
                            cp_failure *failure)
{
    for (; list && *list; list++)
        if (!is_item(*list))
            return cp_failure_refuse(failure, code, name,
                                     "has an item that is empty or has a comma or control "
                                     "characters in it");
    return CP_OK;
}

static cp_status check_uids(char *const *uids, cp_failure *failure)
{
    size_t count = 0;
    while (uids && uids[count])
        if (++count > CP_USERS_UIDS_MAX)
            return cp_failure_refuse(failure, "ERROR_SET_UIDS_EXCEEDED", "list of uids",
                                     "has more than 25");
    return check_list(uids, "INVALID_UID", "list of uids", failure);
}

cp_status cp_users_query_check(const cp_users_query *self, cp_failure *failure)
{
    cp_status status = check_numbers(self, failure);
    if (status == CP_OK)
        status = check_status_word(self->status, failure);
    if (status == CP_OK)
        status = check_uids(self->uids, failure);
    if (status == CP_OK)
        status = check_word(self->search_keyword, "search keyword", failure);
    if (status == CP_OK)
        status = check_word(self->sort_by, "field to sort by", failure);
    if (status == CP_OK)
        status = check_word(self->sort_order, "sort order", failure);
    if (status == CP_OK)
        status = check_list(self->search_in, "INVALID_PARAMETER", "list to search in", failure);
    if (status == CP_OK)
        status = check_list(self->roles, "INVALID_PARAMETER", "list of roles", failure);
    if (status == CP_OK)
        status = check_list(self->tags, "INVALID_PARAMETER", "list of tags", failure);
    return status;
}
