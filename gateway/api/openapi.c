#include "gateway/api/openapi.h"

#include "gateway/http/etag.h"

bool openapi_passes(const char *if_match)
{
    return if_match == NULL ||
           etag_list_has((struct span){if_match, strlen(if_match)}, openapi_document.etag, ETAG_STRONG);
}

bool openapi_matches(struct span if_none_match)
{
    if (if_none_match.at == NULL)
        return false;
    return span_equals(span_trim(if_none_match), SPAN_LITERAL("*")) ||
           etag_list_has(if_none_match, openapi_document.etag, ETAG_WEAK);
}
