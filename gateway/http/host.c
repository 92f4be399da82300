#include "gateway/http/host.h"

#include "gateway/http/bytes.h"

bool http_host_valid(struct span value)
{
    struct span host = value;
    struct span port = SPAN_NONE;
    const char *close = NULL;
    if (host.length > 0 && host.at[0] == '[') {
        close = memchr(host.at, ']', host.length);
        if (close == NULL || close == host.at + 1)
            return false;
        port = (struct span){close + 1, value.length - (size_t)(close + 1 - value.at)};
        host = (struct span){value.at + 1, (size_t)(close - value.at) - 1};
        return http_bytes_are(host, HTTP_BYTE_V6) && memmem(host.at, host.length, "..", 2) == NULL &&
               (port.length == 0 || (port.at[0] == ':' && http_bytes_are(port, HTTP_BYTE_PORT)));
    }
    const char *colon = memchr(host.at, ':', host.length);
    if (colon != NULL) {
        port = (struct span){colon + 1, value.length - (size_t)(colon + 1 - value.at)};
        host.length = (size_t)(colon - value.at);
    }
    return host.length > 0 && http_bytes_are(host, HTTP_BYTE_HOST) && http_bytes_are(port, HTTP_BYTE_DIGIT) &&
           memmem(host.at, host.length, "..", 2) == NULL;
}
