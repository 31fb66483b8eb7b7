/* The answer to a question for users, made from a short form: "bob,zoe:offline" or with a
 * role "bob:available:teacher".  The text stands until the next call. */
#ifndef USERS_PAGE_H
#define USERS_PAGE_H

#include <stdio.h>
#include <string.h>

static inline const char *users_page(const char *users, int total_pages)
{
    static char text[256 * 1024];
    size_t end = (size_t)sprintf(text, "{\"data\":[");

    while (*users != '\0') {
        char uid[64], status[16] = "available", role[16] = "default";
        size_t length = strcspn(users, ",");

        sscanf(users, "%63[^:,]:%15[^:,]:%15[^,]", uid, status, role);
        end += (size_t)sprintf(text + end, "%s{\"uid\":\"%s\",\"status\":\"%s\",\"role\":\"%s\"}",
                               text[end - 1] == '[' ? "" : ",", uid, status, role);
        users += length + (users[length] == ',');
    }
    end += (size_t)sprintf(text + end, "],\"meta\":{\"pagination\":{");
    if (total_pages > 0) /* else it does not say */
        end += (size_t)sprintf(text + end, "\"total_pages\":%d", total_pages);
    sprintf(text + end, "}}}");
    return text;
}

#endif
