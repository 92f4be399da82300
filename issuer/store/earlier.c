#include "issuer/store/earlier.h"

#include <stdlib.h>
#include <string.h>

#include "shared/process/stop.h"
#include "shared/store/query.h"

#define ATTEMPTS           5 /* a persister may be migrating the tables */
#define PAUSE_MS           200
#define CONNECT_TIMEOUT_MS 1000 /* must not delay a start */

/* What the thread that reads a page needs; it owns this once it is abandoned. */
struct reading {
    struct options options;
    struct store *store;
    bool connected;
    uint8_t journal_id[16];
    char coupon_id[COUPON_ID_MAX + 1];
    uint32_t before;
    enum store_result result;
    struct error reason;
    size_t count;
    struct store_earlier_row rows[STORE_EARLIER_ROWS];
};

struct store_earlier {
    struct reading *reading; /* NULL: the process is asked to stop */
};

static void release(void *arg)
{
    struct reading *reading = arg;
    store_destroy(&reading->store);
    free(reading);
}

struct store_earlier *store_earlier_create(const struct options *options, struct error *error)
{
    struct store_earlier *reader = calloc(1, sizeof *reader);
    struct reading *reading = calloc(1, sizeof *reading);
    CHECK(reader != NULL && reading != NULL);
    reader->reading = reading;
    reading->options = *options;
    if (reading->options.store_connect_timeout_ms > CONNECT_TIMEOUT_MS)
        reading->options.store_connect_timeout_ms = CONNECT_TIMEOUT_MS;
    reading->store = store_create(&reading->options, error);
    if (reading->store == NULL)
        store_earlier_destroy(&reader);
    else
        store_only_read(reading->store);
    return reader;
}

void store_earlier_destroy(struct store_earlier **reader)
{
    if (*reader == NULL)
        return;
    if ((*reader)->reading != NULL)
        release((*reader)->reading);
    free(*reader);
    *reader = NULL;
}

/* --- on a thread that may be abandoned --- */

static bool take_row(void *arg, const struct store_issue *issue)
{
    struct reading *reading = arg;
    struct store_earlier_row *row = &reading->rows[reading->count++];
    *row = (struct store_earlier_row){.issued_at_us = issue->issued_at_us,
                                      .sequence = issue->sequence,
                                      .nth = issue->nth,
                                      .user_id_length = issue->user_id_length};
    memcpy(row->user_id, issue->user_id, issue->user_id_length);
    return reading->count < STORE_EARLIER_ROWS;
}

static enum store_result check_name(struct reading *reading)
{
    uint8_t named[STORE_ID_BYTES], found[STORE_ID_BYTES];
    const char *name = reading->options.issuer_store_id;
    if (name[0] == '\0')
        return STORE_OK;
    enum store_result result = store_read_id(reading->store, found, &reading->reason);
    if (result != STORE_OK || (store_id_parse(name, named) && memcmp(named, found, sizeof named) == 0))
        return result;
    error_set(&reading->reason, "%s is not the store that issuer/store_id names", store_describe(reading->store));
    return STORE_FAILED;
}

static enum store_result connect_once(struct reading *reading)
{
    if (reading->connected)
        return STORE_OK;
    enum store_result result = store_connect(reading->store, &reading->reason);
    if (result == STORE_OK)
        result = check_name(reading);
    reading->connected = result == STORE_OK;
    return result;
}

static void read_page(void *arg)
{
    struct reading *reading = arg;
    const struct store_earlier_query query = {reading->journal_id, reading->coupon_id, strlen(reading->coupon_id),
                                              reading->before, STORE_EARLIER_ROWS};
    reading->count = 0;
    reading->result = connect_once(reading);
    if (reading->result == STORE_OK)
        reading->result = store_read_begin(reading->store, &reading->reason);
    if (reading->result == STORE_OK)
        reading->result = store_read_earlier_issues(reading->store, &query, take_row, reading, &reading->reason);
    if (reading->connected)
        store_read_end(reading->store);
    reading->connected = reading->result == STORE_OK;
}

/* --- on the main thread --- */

/* Reads a page, again if that fails. False when the process is asked to stop first. */
static bool read_patiently(struct store_earlier *reader)
{
    struct reading *reading = reader->reading;
    for (unsigned attempt = 1;; attempt++) {
        if (!stop_run(read_page, release, reading)) {
            reader->reading = NULL;
            return false;
        }
        if (reading->result == STORE_OK || attempt == ATTEMPTS)
            return true;
        if (!stop_sleep(PAUSE_MS))
            return false;
    }
}

enum store_earlier_result store_earlier_read(struct store_earlier *reader, const uint8_t journal_id[16],
                                             const char *coupon_id, uint32_t before, struct store_earlier_page *page,
                                             struct error *error)
{
    struct reading *reading = reader->reading;
    memcpy(reading->journal_id, journal_id, sizeof reading->journal_id);
    snprintf(reading->coupon_id, sizeof reading->coupon_id, "%s", coupon_id);
    reading->before = before;
    if (!read_patiently(reader))
        return STORE_EARLIER_STOPPED;
    *page = (struct store_earlier_page){reading->rows, reading->count};
    if (reading->result == STORE_OK)
        return STORE_EARLIER_READ;
    *error = reading->reason;
    return STORE_EARLIER_FAILED;
}
