#include "gateway/api/document.h"

#include <string.h>

const struct document *document_find(struct span path)
{
    for (size_t i = 0; i < document_count; i++)
        if (span_equals(path, (struct span){documents[i].path, strlen(documents[i].path)}))
            return &documents[i];
    return NULL;
}
