#include "gateway/api/document_request.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/http/accept.h"
#include "shared/error.h"

static bool accepts_gzip(const struct http_request *request)
{
    char *list = http_request_list(request, SPAN_LITERAL("accept-encoding"));
    bool accepts = list != NULL && http_accept_names_coding((struct span){list, strlen(list)}, "gzip");
    free(list);
    return accepts;
}

void document_request_read(struct api_call *call, const struct http_request *request, struct span path)
{
    call->kind = API_DOCUMENT;
    call->document = document_find(path);
    CHECK(call->document != NULL);
    if (call->document->gzip != NULL && accepts_gzip(request))
        call->document = call->document->gzip;
}
