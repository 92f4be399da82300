#include "shared/mask.h"

#include <stdio.h>
#include <string.h>

enum { KEPT_MAX = 255, SCHEME_MAX = 64 };

/* The length of "scheme://" before `end`, or 0. */
static size_t scheme_size(const char *text, const char *end)
{
    const char *mark = strstr(text, "://");
    size_t size = mark != NULL && mark < end ? (size_t)(mark - text) + 3 : 0;
    return size <= SCHEME_MAX ? size : 0;
}

void mask_secrets(const char *text, char masked[MASKED_MAX])
{
    const char *at = strrchr(text, '@');
    const char *query = text + strcspn(text, "?#");
    const char *shown = at == NULL ? text : at;
    bool has_query = *query != '\0';
    if (at != NULL && has_query && query < at) { /* a password with a ?, or a query with an @ */
        snprintf(masked, MASKED_MAX, "%.*s***", (int)scheme_size(text, query), text);
        return;
    }
    size_t length = (size_t)(query - shown);
    snprintf(masked, MASKED_MAX, "%.*s%s%.*s%s%.*s%s", at != NULL ? (int)scheme_size(text, at) : 0, text,
             at != NULL ? "***" : "", (int)(length < KEPT_MAX ? length : KEPT_MAX), shown,
             length <= KEPT_MAX ? "" : "...", has_query ? 1 : 0, query, has_query ? "***" : "");
}

bool is_plain_path(const char *text)
{
    return (text[0] == '/' && text[1] != '/') || strncmp(text, "./", 2) == 0 || strncmp(text, "../", 3) == 0;
}

bool is_copied_address(const char *text)
{
    const char *colon = strchr(text, ':');
    return !is_plain_path(text) && colon != NULL && (strncmp(colon, "://", 3) == 0 || strpbrk(colon, "@?") != NULL);
}
