#include "gateway/identity/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/identity/download.h"

#define DOWNLOAD_TIMEOUT_MS 10000

/* --- a file --- */

static bool is_same_file(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
           a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* Reads all of the file, whose size may change meanwhile; NULL and `error` when that fails. */
static char *read_all(int fd, size_t bytes_max, size_t *length, struct error *error)
{
    char *text = malloc(bytes_max + 1);
    ssize_t got = 1;
    CHECK(text != NULL);
    *length = 0;
    while (got != 0 && *length <= bytes_max) {
        got = read(fd, text + *length, bytes_max + 1 - *length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            break;
        *length += (size_t)got;
    }
    if (got >= 0 && *length <= bytes_max)
        return text;
    if (got < 0)
        error_set(error, "cannot be read: %s", strerror(errno));
    else
        error_set(error, "has more than %zu bytes", bytes_max);
    free(text);
    return NULL;
}

static enum source_news read_file(struct source *source, struct span *text, struct error *error)
{
    struct stat now;
    int fd = open(source->place, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK); /* does not wait for a pipe */
    if (fd < 0 || fstat(fd, &now) != 0) {
        error_set(error, "cannot be opened: %s", strerror(errno));
    } else if (!S_ISREG(now.st_mode)) {
        error_set(error, "is no regular file");
    } else if (is_same_file(&now, &source->seen)) {
        close(fd);
        return source->failed ? SOURCE_FAILED : SOURCE_UNCHANGED;
    } else {
        text->at = read_all(fd, source->bytes_max, &text->length, error);
        source->seen = now;
    }
    if (fd >= 0)
        close(fd);
    if (text->at == NULL)
        source->seen = (struct stat){0}; /* it is read again even if it comes back unchanged */
    return text->at != NULL ? SOURCE_NEW : SOURCE_FAILED;
}

/* --- a URL --- */

static enum source_news read_url(struct source *source, const atomic_bool *stop, struct span *text, struct error *error)
{
    const struct download download = {
        .url = source->place,
        .ca = source->ca,
        .bytes_max = source->bytes_max,
        .timeout_ms = DOWNLOAD_TIMEOUT_MS,
        .stop = stop,
    };
    char *body = download_text(&download, &text->length, error);
    text->at = body;
    if (body == NULL)
        return SOURCE_FAILED;
    if (source->text == NULL || text->length != source->length || memcmp(body, source->text, source->length) != 0)
        return SOURCE_NEW;
    free(body);
    *text = SPAN_NONE;
    return SOURCE_UNCHANGED;
}

enum source_news source_read(struct source *source, const atomic_bool *stop, struct span *text, struct error *error)
{
    *text = SPAN_NONE;
    *error = source->fault; /* holds on for a file that was not touched */
    return source->is_url ? read_url(source, stop, text, error) : read_file(source, text, error);
}

void source_accept(struct source *source, struct span text)
{
    free(source->text);
    source->text = (char *)text.at;
    source->length = text.length;
}

void source_deinit(struct source *source)
{
    free(source->text);
    source->text = NULL;
}
