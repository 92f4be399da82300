#include "gateway/identity/download.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct body {
    const struct download *download;
    char *text;
    size_t length;
    bool too_large;
};

void download_init(void)
{
    CHECK(curl_global_init(CURL_GLOBAL_DEFAULT) == 0);
}

/* Anything but `count` ends the download. */
static size_t on_data(char *data, size_t size, size_t count, void *arg)
{
    struct body *body = arg;
    size_t bytes = size * count;
    body->too_large = bytes > body->download->bytes_max - body->length;
    if (body->too_large)
        return 0;
    memcpy(body->text + body->length, data, bytes);
    body->length += bytes;
    return count;
}

/* Anything but 0 ends the download. */
static int on_progress(void *arg, curl_off_t total, curl_off_t now, curl_off_t up_total, curl_off_t up_now)
{
    const struct body *body = arg;
    (void)total;
    (void)now;
    (void)up_total;
    (void)up_now;
    return atomic_load_explicit(body->download->stop, memory_order_relaxed);
}

static void set_options(CURL *curl, struct body *body, char fault[CURL_ERROR_SIZE])
{
    const struct download *download = body->download;
    bool encrypted = strncmp(download->url, "https:", 6) == 0;
    curl_easy_setopt(curl, CURLOPT_URL, download->url);
#if LIBCURL_VERSION_NUM >= 0x075500
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, encrypted ? "https" : "http");
#else
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS, encrypted ? CURLPROTO_HTTPS : CURLPROTO_HTTP);
#endif
    if (!encrypted)
        curl_easy_setopt(curl, CURLOPT_PROXY, ""); /* the host is this machine */
    if (download->ca[0] != '\0')
        curl_easy_setopt(curl, CURLOPT_CAINFO, download->ca);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, download->timeout_ms);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, download->timeout_ms);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "coupond");
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, fault);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, body);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, body);
}

/* `fault` is libcurl's text, if it has one. */
static int judge(CURL *curl, CURLcode code, const struct body *body, const char *fault, struct error *error)
{
    long status = 0;
    if (body->too_large)
        return error_set(error, "the answer has more than %zu bytes", body->download->bytes_max);
    if (code != CURLE_OK)
        return error_set(error, "%s", fault[0] != '\0' ? fault : curl_easy_strerror(code));
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    return status == 200 ? 0 : error_set(error, "the answer is %ld instead of 200", status);
}

char *download_text(const struct download *download, size_t *length, struct error *error)
{
    char fault[CURL_ERROR_SIZE] = "";
    struct body body = {.download = download, .text = malloc(download->bytes_max + 1)};
    CURL *curl = curl_easy_init();
    CHECK(curl != NULL && body.text != NULL);
    set_options(curl, &body, fault);
    CURLcode code = curl_easy_perform(curl);
    if (judge(curl, code, &body, fault, error) != 0) {
        free(body.text);
        body.text = NULL;
    } else {
        body.text[body.length] = '\0';
        *length = body.length;
    }
    curl_easy_cleanup(curl);
    return body.text;
}
