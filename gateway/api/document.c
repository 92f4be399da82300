#include "gateway/api/document.h"

#include <string.h>

#include "gateway/http/etag.h"

const struct document *document_find(struct span path)
{
    for (size_t i = 0; i < document_count; i++)
        if (span_equals(path, (struct span){documents[i].path, strlen(documents[i].path)}))
            return &documents[i];
    return NULL;
}

bool document_passes(const struct document *document, const char *if_match)
{
    return if_match == NULL || etag_list_has((struct span){if_match, strlen(if_match)}, document->etag, ETAG_STRONG);
}

bool document_matches(const struct document *document, struct span if_none_match)
{
    if (if_none_match.at == NULL)
        return false;
    return span_equals(span_trim(if_none_match), SPAN_LITERAL("*")) ||
           etag_list_has(if_none_match, document->etag, ETAG_WEAK);
}
