#include "gateway/identity/reload.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/identity/download.h"
#include "gateway/identity/source.h"
#include "shared/clock.h"
#include "shared/mask.h"
#include "shared/telemetry/log.h"
#include "shared/telemetry/metrics.h"
#include "shared/worker.h"

#define SECOND_US     INT64_C(1000000)
#define CYCLE_US      (SECOND_US / 4) /* also between two looks at a file */
#define URL_SOON_US   (5 * SECOND_US) /* at least, between two reads because of unknown keys */
#define URL_RETRY_US  SECOND_US       /* after the first failure; doubles */
#define URL_RETRY_MAX (60 * SECOND_US)
#define SOURCES_MAX   2 /* a JWK set and API keys */
#define PLACE_SHOWN   120

struct reload {
    /* shared */
    atomic_bool stop;
    atomic_bool wanted; /* relaxed: a hint */
    pthread_mutex_t mutex;
    bool ready;              /* under the mutex, like `why` */
    char why[READY_WHY_MAX]; /* empty: everything could be read */
    /* owned by the reloading thread */
    struct credentials_board *board;
    struct metrics *metrics;
    int64_t refresh_us; /* of a URL */
    unsigned count;
    struct source sources[SOURCES_MAX];
    struct worker worker;
};

/* --- credentials of the sources --- */

static struct span text_in_use(const struct source *source, const struct source *changed, struct span text)
{
    return source == changed ? text : (struct span){source->text, source->length};
}

static bool is_jwk_set(const struct source *source)
{
    return source->kind != METRIC_IDENTITY_SOURCE_API_KEYS_FILE;
}

/* Reads the text of every source, with `text` in the place of that of `changed`. NULL and `error` when it is of no
 * use. */
static struct credentials *build(const struct reload *self, const struct source *changed, struct span text,
                                 struct error *error)
{
    struct key_set *keys = NULL;
    struct api_keys *api_keys = NULL;
    bool sound = true;
    for (unsigned i = 0; i < self->count; i++) {
        const struct source *source = &self->sources[i];
        struct span current = text_in_use(source, changed, text);
        if (current.at == NULL)
            continue;
        if (is_jwk_set(source))
            sound &= (keys = key_set_parse(current, source->is_url ? KEY_SET_URL : KEY_SET_FILE, error)) != NULL;
        else
            sound &= (api_keys = api_keys_parse(current, error)) != NULL;
    }
    if (sound)
        return credentials_create(keys, api_keys);
    key_set_destroy(&keys);
    api_keys_destroy(&api_keys);
    return NULL;
}

static int use(struct reload *self, struct source *source, struct span text, struct error *error)
{
    struct credentials *credentials = build(self, source, text, error);
    if (credentials == NULL) {
        free((char *)text.at);
        return -1;
    }
    source_accept(source, text);
    char place[MASKED_MAX];
    mask_secrets(source->place, place);
    log_info("gateway", "read %s place=%.*s keys=%u", source->option, PLACE_SHOWN, place,
             is_jwk_set(source) ? key_set_count(credentials->keys) : api_keys_count(credentials->api_keys));
    credentials_board_publish(self->board, &credentials);
    metrics_add(self->metrics, METRIC_GATEWAY_IDENTITY_LOADS, source->kind, 1);
    return 0;
}

/* --- one source --- */

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void note_success(struct reload *self, struct source *source, int64_t now_us)
{
    if (source->failed)
        log_info("gateway", "%s can be used again", source->option);
    source->failed = false;
    source->fault.text[0] = '\0';
    source->ok_us = now_us;
    source->wait_us = URL_RETRY_US;
    source->due_us = now_us + (source->is_url ? self->refresh_us : CYCLE_US);
}

/* The same fault is logged once. */
static void note_failure(struct reload *self, struct source *source, int64_t now_us, const struct error *error)
{
    bool fresh = !source->failed || strcmp(source->fault.text, error->text) != 0;
    char place[MASKED_MAX];
    mask_secrets(source->place, place);
    if (fresh)
        log_warn("gateway", "%s: %.*s: %s; %s", source->option, PLACE_SHOWN, place, error->text,
                 source->text == NULL ? "no token can be checked before" : "the keys from before stay valid");
    if (!source->failed)
        source->wait_us = URL_RETRY_US;
    source->failed = true;
    source->fault = *error;
    source->due_us = now_us + (source->is_url ? least(source->wait_us, self->refresh_us) : CYCLE_US);
    source->wait_us = least(2 * source->wait_us, URL_RETRY_MAX);
    if (source->is_url || fresh)
        metrics_add(self->metrics, METRIC_GATEWAY_IDENTITY_LOAD_FAILURES, source->kind, 1);
}

static void try_source(struct reload *self, struct source *source)
{
    struct error error;
    struct span text;
    enum source_news news = source_read(source, &self->stop, &text, &error);
    int64_t now_us = clock_mono_us();
    if (news == SOURCE_NEW)
        news = use(self, source, text, &error) == 0 ? SOURCE_UNCHANGED : SOURCE_FAILED;
    if (news == SOURCE_FAILED)
        note_failure(self, source, now_us, &error);
    else
        note_success(self, source, now_us);
    source->tried_us = now_us;
}

/* --- the cycle --- */

static bool is_due(struct reload *self, const struct source *source, int64_t now_us)
{
    if (now_us >= source->due_us)
        return true;
    return source->is_url && now_us - source->tried_us >= URL_SOON_US &&
           atomic_exchange_explicit(&self->wanted, false, memory_order_relaxed);
}

/* For /readyz and the metrics. */
static void tell(struct reload *self, int64_t now_us)
{
    char why[READY_WHY_MAX] = "";
    bool ready = true;
    for (unsigned i = 0; i < self->count; i++) {
        const struct source *source = &self->sources[i];
        ready &= source->text != NULL;
        if (source->failed && why[0] == '\0')
            snprintf(why, sizeof why, "%s cannot be used: %.400s%s", source->option, source->fault.text,
                     source->text != NULL ? "; the keys from before stay valid" : "");
        metrics_set(self->metrics, METRIC_GATEWAY_IDENTITY_STALE, source->kind, source->failed);
        if (source->text != NULL)
            metrics_set(self->metrics, METRIC_GATEWAY_IDENTITY_AGE, source->kind, now_us - source->ok_us);
    }
    pthread_mutex_lock(&self->mutex);
    self->ready = ready;
    memcpy(self->why, why, sizeof why);
    pthread_mutex_unlock(&self->mutex);
}

static int64_t do_work(void *arg)
{
    struct reload *self = arg;
    for (unsigned i = 0; i < self->count && !atomic_load_explicit(&self->stop, memory_order_relaxed); i++) {
        if (is_due(self, &self->sources[i], clock_mono_us()))
            try_source(self, &self->sources[i]);
    }
    tell(self, clock_mono_us());
    return CYCLE_US;
}

/* --- life --- */

static void add_source(struct reload *self, const struct source *source)
{
    if (source->place[0] == '\0')
        return;
    CHECK(self->count < SOURCES_MAX);
    self->sources[self->count++] = *source;
}

static void add_sources(struct reload *self, const struct options *options)
{
    add_source(self, &(struct source){.kind = METRIC_IDENTITY_SOURCE_JWK_SET_FILE,
                                      .option = "gateway/jwk_set_file",
                                      .place = options->gateway_jwk_set_file,
                                      .bytes_max = KEY_SET_BYTES_MAX});
    add_source(self, &(struct source){.kind = METRIC_IDENTITY_SOURCE_JWK_SET_URL,
                                      .option = "gateway/jwk_set_url",
                                      .place = options->gateway_jwk_set_url,
                                      .ca = options->gateway_jwk_set_ca,
                                      .bytes_max = KEY_SET_BYTES_MAX,
                                      .is_url = true});
    add_source(self, &(struct source){.kind = METRIC_IDENTITY_SOURCE_API_KEYS_FILE,
                                      .option = "gateway/api_keys_file",
                                      .place = options->gateway_api_keys_file,
                                      .bytes_max = API_KEYS_BYTES_MAX});
}

/* A file must be usable at the start; a URL may be away. */
static int read_files(struct reload *self, struct error *error)
{
    for (unsigned i = 0; i < self->count; i++) {
        struct source *source = &self->sources[i];
        if (source->is_url)
            continue;
        try_source(self, source);
        if (source->failed)
            return error_set(error, "%s: %.*s: %s", source->option, PLACE_SHOWN, source->place,
                             source->fault.text); /* a file's path */
    }
    return 0;
}

struct reload *reload_create(const struct options *options, struct credentials_board *board, struct error *error)
{
    struct reload *self = calloc(1, sizeof *self);
    CHECK(self != NULL && pthread_mutex_init(&self->mutex, NULL) == 0);
    download_init();
    self->board = board;
    self->metrics = metrics_create("gateway", -1);
    self->refresh_us = options->gateway_jwk_set_refresh_s * SECOND_US;
    add_sources(self, options);
    if (read_files(self, error) == 0) {
        tell(self, clock_mono_us());
        if (self->count == 0 || worker_start(&self->worker, do_work, self, error) == 0)
            return self;
    }
    reload_destroy(&self);
    return NULL;
}

void reload_destroy(struct reload **reload)
{
    struct reload *self = *reload;
    if (self == NULL)
        return;
    atomic_store_explicit(&self->stop, true, memory_order_relaxed);
    worker_stop(&self->worker);
    for (unsigned i = 0; i < self->count; i++)
        source_deinit(&self->sources[i]);
    pthread_mutex_destroy(&self->mutex);
    free(self);
    *reload = NULL;
}

void reload_want_keys(struct reload *reload)
{
    if (!atomic_load_explicit(&reload->wanted, memory_order_relaxed))
        atomic_store_explicit(&reload->wanted, true, memory_order_relaxed);
}

bool reload_ready(struct reload *reload, char why[READY_WHY_MAX])
{
    pthread_mutex_lock(&reload->mutex);
    bool ready = reload->ready;
    memcpy(why, reload->why, sizeof reload->why);
    pthread_mutex_unlock(&reload->mutex);
    return ready;
}
