#include "shared/store/store.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "shared/store/backend.h"

struct store_issue store_issue_of(const struct journal_record *record)
{
    CHECK(record->type == JOURNAL_ISSUE);
    return (struct store_issue){
        .coupon_id = record->coupon_id,
        .user_id = record->issue.user_id,
        .coupon_id_length = (uint8_t)record->coupon_id_length,
        .user_id_length = (uint8_t)record->issue.user_id_length,
        .nth = record->issue.nth,
        .sequence = record->issue.sequence,
        .issued_at_us = record->time_us,
        .journal_seq = record->seq,
    };
}

struct store *store_create(const struct options *options, struct error *error)
{
    if (strcmp(options->store_type, "sqlite") == 0)
        return store_sqlite_create(options, error);
    if (strcmp(options->store_type, "mysql") == 0)
        return store_mysql_create(options, error);
    error_set(error, "store/type is \"%s\"; it must be sqlite or mysql", options->store_type);
    return NULL;
}

void store_destroy(struct store **store)
{
    if (*store)
        (*store)->ops->destroy(*store);
    *store = NULL;
}

const char *store_describe(const struct store *store)
{
    return store->description;
}

enum store_result store_connect(struct store *store, struct error *error)
{
    return store->ops->connect(store, error);
}

bool store_awaits_setup(const struct store *store)
{
    return store->awaits_setup;
}

enum store_result store_migrate(struct store *store, struct error *error)
{
    return store->ops->migrate(store, error);
}

enum store_result store_check_schema(struct store *store, struct error *error)
{
    int64_t version;
    enum store_result result = store->ops->schema_version(store, &version, error);
    if (result == STORE_OK)
        result = store_schema_judge(store, version, error);
    return result == STORE_OK && store->ops->check_tables ? store->ops->check_tables(store, error) : result;
}

enum store_result store_schema_version(struct store *store, int64_t *version, struct error *error)
{
    return store->ops->schema_version(store, version, error);
}

enum store_result store_write(struct store *store, const struct store_batch *batch, struct error *error)
{
    return store->ops->write(store, batch, error);
}

enum store_result store_read_id(struct store *store, uint8_t id[STORE_ID_BYTES], struct error *error)
{
    return store->ops->read_id(store, id, error);
}

const uint8_t *store_id(const struct store *store)
{
    return store->id;
}

uint64_t store_behind_seq(const struct store *store)
{
    return store->behind_seq;
}

enum store_result store_each_dead_coupon(struct store *store, const uint8_t journal_id[16], store_dead_coupon_fn each,
                                         void *arg, struct error *error)
{
    return store->ops->each_dead_coupon(store, journal_id, each, arg, error);
}

enum store_result store_adopt_journal(struct store *store, const struct store_journal *journal, struct error *error)
{
    return store->ops->adopt_journal(store, journal, error);
}

enum store_result store_read_begin(struct store *store, struct error *error)
{
    return store->ops->read_begin(store, error);
}

enum store_result store_each_journal(struct store *store, store_journal_fn each, void *arg, struct error *error)
{
    return store->ops->each_journal(store, each, arg, error);
}

enum store_result store_each_coupon(struct store *store, store_coupon_fn each, void *arg, struct error *error)
{
    return store->ops->each_coupon(store, each, arg, error);
}

enum store_result store_each_issue(struct store *store, store_issue_fn each, void *arg, struct error *error)
{
    return store->ops->each_issue(store, each, arg, error);
}

enum store_result store_each_dead_letter(struct store *store, const struct store_dead_letter *after, size_t limit,
                                         store_dead_letter_fn each, void *arg, struct error *error)
{
    return store->ops->each_dead_letter(store, after, limit, each, arg, error);
}

void store_read_end(struct store *store)
{
    store->ops->read_end(store);
}

/* Issues in order */

static int compare_ids(const char *a, size_t a_length, const char *b, size_t b_length)
{
    size_t common = a_length < b_length ? a_length : b_length;
    int order = memcmp(a, b, common);
    if (order != 0)
        return order;
    return (a_length > b_length) - (a_length < b_length);
}

int store_issue_compare(const struct store_issue *a, const struct store_issue *b)
{
    int order = compare_ids(a->coupon_id, a->coupon_id_length, b->coupon_id, b->coupon_id_length);
    if (order != 0)
        return order;
    return (a->sequence > b->sequence) - (a->sequence < b->sequence);
}

bool store_issue_same_coupon(const struct store_issue *a, const struct store_issue *b)
{
    return compare_ids(a->coupon_id, a->coupon_id_length, b->coupon_id, b->coupon_id_length) == 0;
}

static bool same_user(const struct store_issue *a, const struct store_issue *b)
{
    return compare_ids(a->user_id, a->user_id_length, b->user_id, b->user_id_length) == 0;
}

bool store_issue_same_holder(const struct store_issue *a, const struct store_issue *b)
{
    return a->nth == b->nth && same_user(a, b) && store_issue_same_coupon(a, b);
}

bool store_issue_equal(const struct store_issue *a, const struct store_issue *b)
{
    return a->sequence == b->sequence && a->issued_at_us == b->issued_at_us && a->journal_seq == b->journal_seq &&
           store_issue_same_holder(a, b);
}

/* Contradictions, in words */

static void describe_issue(const struct store_issue *issue, char out[192])
{
    char time[RFC3339_MAX];
    rfc3339_format(issue->issued_at_us, time);
    snprintf(out, 192, "sequence %" PRIu32 " to user %.*s, nth %u, at %s, journal_seq %" PRIu64, issue->sequence,
             (int)issue->user_id_length, issue->user_id, issue->nth, time, issue->journal_seq);
}

enum store_result store_issue_conflict(const struct store_issue *wanted, const struct store_issue *there,
                                       struct error *error)
{
    char wanted_text[192];
    char there_text[192];
    describe_issue(wanted, wanted_text);
    describe_issue(there, there_text);
    error_set(error, "coupon %.*s: the journal issues %s, but there is %s already", (int)wanted->coupon_id_length,
              wanted->coupon_id, wanted_text, there_text);
    return STORE_REJECTED;
}

enum store_result store_coupon_missing(const struct store_issue *issue, struct error *error)
{
    error_set(error, "coupon %.*s is not in the store, but the journal issues its sequence %" PRIu32 " to user %.*s",
              (int)issue->coupon_id_length, issue->coupon_id, issue->sequence, (int)issue->user_id_length,
              issue->user_id);
    return STORE_REJECTED;
}

static bool policy_equal(const struct coupon *a, const struct coupon *b)
{
    return strcmp(a->title, b->title) == 0 && a->quantity == b->quantity && a->per_user_limit == b->per_user_limit &&
           a->paused == b->paused && a->starts_at_us == b->starts_at_us && a->ends_at_us == b->ends_at_us &&
           a->updated_at_us == b->updated_at_us;
}

enum store_result store_policy_judge(const struct coupon *wanted, const struct coupon *there, bool *newer,
                                     struct error *error)
{
    *newer = wanted->journal_seq > there->journal_seq;
    bool same_record = wanted->journal_seq == there->journal_seq;
    if (wanted->created_at_us == there->created_at_us && (!same_record || policy_equal(wanted, there)))
        return STORE_OK;
    error_set(error,
              "coupon %s: the journal's record %" PRIu64 " contradicts the stored one, which came from its record "
              "%" PRIu64,
              wanted->id, wanted->journal_seq, there->journal_seq);
    return STORE_REJECTED;
}

enum store_result store_journal_judge(const struct store_batch *batch, const struct store_journal *there,
                                      struct error *error)
{
    if (there->partitions != batch->partitions) {
        error_set(error, "foreign journal: it has %u partitions, but the store was filled by one with %u",
                  batch->partitions, there->partitions);
        return STORE_FOREIGN;
    }
    if (there->partition != batch->partition || memcmp(there->journal_id, batch->journal_id, 16) == 0)
        return STORE_OK;
    char ours[JOURNAL_ID_TEXT_MAX];
    char theirs[JOURNAL_ID_TEXT_MAX];
    journal_id_format(batch->journal_id, ours);
    journal_id_format(there->journal_id, theirs);
    error_set(error,
              "foreign journal: partition %u is journal %s, but the store was filled by journal %s; give the persister "
              "an empty database, or bring back the journal that belongs to this one",
              batch->partition, ours, theirs);
    return STORE_FOREIGN;
}

void store_pass_over_gone(const struct store_batch *batch, struct store_progress *progress)
{
    if (batch->gone_seq > progress->last_seq)
        store_progress_add(progress, 1, batch->gone_seq);
}

enum store_result store_behind_judge(struct store *store, const struct store_batch *batch,
                                     struct store_progress *progress, struct error *error)
{
    store->behind_seq = progress->last_seq;
    store_pass_over_gone(batch, progress);
    if (progress->last_seq >= batch->acked_seq)
        return STORE_OK;
    error_set(error,
              "%s has the records of partition %u up to %" PRIu64 " only, but acknowledged them up to %" PRIu64
              "; it came back empty or from a backup, and the issuer sends them again",
              store->description, batch->partition, store->behind_seq, batch->acked_seq);
    return STORE_BEHIND;
}

enum store_result store_schema_judge(const struct store *store, int64_t version, struct error *error)
{
    if (version == STORE_SCHEMA_VERSION)
        return STORE_OK;
    if (version == 0)
        error_set(error, "%s does not exist or has no coupond schema; the persister creates it when it starts",
                  store->description);
    else
        error_set(error, "%s has schema version %" PRId64 ", but this coupond knows version %d; %s", store->description,
                  version, STORE_SCHEMA_VERSION,
                  version > STORE_SCHEMA_VERSION ? "use a newer coupond" : "start its persister, which migrates it");
    return STORE_FAILED;
}

/* Text */

void journal_id_format(const uint8_t id[16], char out[JOURNAL_ID_TEXT_MAX])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < 16; i++) {
        out[2 * i] = digits[id[i] >> 4];
        out[2 * i + 1] = digits[id[i] & 15];
    }
    out[32] = '\0';
}

static int hex_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    return -1;
}

bool journal_id_parse(const char *text, size_t length, uint8_t id[16])
{
    if (length != 32)
        return false;
    for (size_t i = 0; i < 16; i++) {
        int high = hex_value(text[2 * i]);
        int low = hex_value(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        id[i] = (uint8_t)(high * 16 + low);
    }
    return true;
}

const char *time_text_of(struct time_text *time, int64_t us)
{
    if (time->us != us || time->text[0] == '\0') {
        rfc3339_format(us, time->text);
        time->us = us;
    }
    return time->text;
}
