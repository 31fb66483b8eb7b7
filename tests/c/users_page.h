/* The answer to a question for users, made from a short form: "bob,zoe:offline".  The text
 * stands until the next call. */
#ifndef USERS_PAGE_H
#define USERS_PAGE_H

#include <stdio.h>
#include <string.h>

static inline const char *users_page(const char *users, int total_pages)
{
    static char text[65536];
    size_t end = (size_t)sprintf(text, "{\"data\":[");

    while (*users != '\0') {
        size_t length = strcspn(users, ",");
        size_t uid = strcspn(users, ",:");
        const char *status = uid < length ? users + uid + 1 : "available";
        int status_length = uid < length ? (int)(length - uid - 1) : 9;

        end += (size_t)sprintf(
            text + end, "%s{\"uid\":\"%.*s\",\"status\":\"%.*s\",\"role\":\"%s\"}",
            text[end - 1] == '[' ? "" : ",", (int)uid, users, status_length, status, "default");
        users += length + (users[length] == ',');
    }
    sprintf(text + end, "],\"meta\":{\"pagination\":{\"total_pages\":%d}}}", total_pages);
    return text;
}

#endif
