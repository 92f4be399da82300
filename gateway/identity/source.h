/*
 * A place that keys are read from: a file that is watched, or a URL that is asked at intervals. Owned by the thread
 * that reloads them.
 */
#ifndef COUPOND_IDENTITY_SOURCE_H
#define COUPOND_IDENTITY_SOURCE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "gateway/http/span.h"
#include "shared/error.h"
#include "shared/telemetry/metrics_table.h"

struct source {
    enum metric_identity_source kind;
    const char *option; /* that names the place */
    const char *place;  /* a path, or a URL */
    const char *ca;     /* of a URL */
    size_t bytes_max;
    bool is_url;
    char *text; /* the text in use; NULL: none was read yet */
    size_t length;
    struct stat seen; /* of the file when it was last read */
    bool failed;      /* the last attempt to read or to use it */
    struct error fault;
    int64_t ok_us;  /* of the last success */
    int64_t due_us; /* of the next attempt */
    int64_t tried_us;
    int64_t wait_us; /* before the next attempt, after a failure */
};

enum source_news {
    SOURCE_UNCHANGED, /* there is nothing new */
    SOURCE_NEW,       /* `text` has what is there now, which the caller frees or gives to source_accept() */
    SOURCE_FAILED,    /* `error` says why */
};

/* Looks for new text. `stop` ends a download. */
enum source_news source_read(struct source *source, const atomic_bool *stop, struct span *text, struct error *error);
/* Keeps the text as the one in use, and owns it. */
void source_accept(struct source *source, struct span text);
void source_deinit(struct source *source);

#endif
