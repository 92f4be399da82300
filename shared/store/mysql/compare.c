/* Compares the existing tables with those that must be (mysql/tables.h). */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "shared/store/mysql/tables.h"

#define REPAIR_BYTES 280 /* of an ALTER TABLE; further differences are reported after the repair */
#define LIST_BYTES   192 /* of the tables' names */
#define AGAIN_MS     20  /* between two comparisons */
#define AGAIN_MAX    5
#define UNSEEN       "is missing, or this user may not see it" /* a table or a column */

/* --- the existing tables --- */

struct there {
    bool is_there;
    bool fits;
    char is[96]; /* in words */
};

/* A unique key that must not be; an empty name: none. */
struct foreign_key {
    char name[STORE_MYSQL_NAME_BYTES];
    char columns[64];
};

struct found {
    struct foreign_key foreign_keys[STORE_MYSQL_TABLES]; /* any of each table */
    struct there tables[STORE_MYSQL_TABLES];
    struct there columns[STORE_MYSQL_COLUMNS];
    struct there keys[STORE_MYSQL_KEYS];
    struct sql_text key_names; /* of the keys that fit, one per line */
};

/* A column as information_schema describes it. */
struct shown {
    const char *type;
    const char *collation; /* "": none */
    unsigned size;
    bool is_unsigned;
    bool takes_null;
};

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), end_length = strlen(end);
    return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

/* Bytes of an integer type; 0 for other types. */
static unsigned width_of(const char *type)
{
    static const struct {
        const char *type;
        unsigned width;
    } widths[] = {{"tinyint", 1}, {"smallint", 2}, {"mediumint", 3}, {"int", 4}, {"bigint", 8}};
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
        if (strcmp(type, widths[i].type) == 0)
            return widths[i].width;
    }
    return 0;
}

static bool fits(const struct store_mysql_column *column, const struct shown *shown)
{
    bool holds_bytes = strcmp(shown->type, "varbinary") == 0 || ends_with(shown->type, "blob");
    if (!shown->takes_null && store_mysql_takes_null(column))
        return false;
    switch (column->kind) {
    case KIND_ASCII:
        return ends_with(shown->collation, "_bin") && shown->size >= column->size;
    case KIND_UTF8:
        return ends_with(shown->collation, "_bin") && strncmp(shown->collation, "utf8mb4_", 8) == 0 &&
               shown->size >= column->size;
    case KIND_BYTES:
        return holds_bytes && shown->size >= column->size;
    case KIND_UNSIGNED: /* a signed type needs one more byte */
        return width_of(shown->type) > 0 &&
               width_of(shown->type) >= column->size + (column->size > 0 && !shown->is_unsigned);
    case KIND_TIME:
        return strcmp(shown->type, "datetime") == 0 && shown->size == column->size;
    }
    return false;
}

static void take_engine(struct found *found, const char *table, const char *engine)
{
    for (size_t i = 0; i < STORE_MYSQL_TABLES; i++) {
        struct there *there = &found->tables[i];
        if (strcmp(store_mysql_tables[i], table) != 0)
            continue;
        there->is_there = true;
        there->fits = strcmp(engine, STORE_MYSQL_ENGINE) == 0;
        snprintf(there->is, sizeof there->is, "is %.40s", engine);
    }
}

static bool take_column(void *context, char **values, const unsigned long *lengths, bool *good)
{
    struct found *found = context;
    (void)lengths;
    for (size_t i = 0; i < 8; i++)
        *good = *good && values[i];
    if (!*good)
        return false;
    take_engine(found, values[0], values[1]);
    const struct shown shown = {
        .type = values[3],
        .collation = values[5],
        .size = (unsigned)strtoul(values[6], NULL, 10),
        .is_unsigned = strstr(values[4], "unsigned") != NULL,
        .takes_null = strcmp(values[7], "YES") == 0,
    };
    for (size_t i = 0; i < STORE_MYSQL_COLUMNS; i++) {
        struct there *there = &found->columns[i];
        if (strcmp(store_mysql_columns[i].table, values[0]) != 0 || strcmp(store_mysql_columns[i].name, values[2]) != 0)
            continue;
        there->is_there = true;
        there->fits = fits(&store_mysql_columns[i], &shown);
        snprintf(there->is, sizeof there->is, "is %.24s%s%.30s%s", values[4],
                 shown.collation[0] != '\0' ? " COLLATE " : "", shown.collation, shown.takes_null ? "" : " NOT NULL");
    }
    return true;
}

static unsigned count_items(const char *list)
{
    unsigned count = 1;
    for (; *list; list++)
        count += *list == ',';
    return count;
}

static bool has_item(const char *list, const char *item, size_t length)
{
    for (;;) {
        size_t end = strcspn(list, ",");
        if (end == length && memcmp(list, item, length) == 0)
            return true;
        if (list[end] == '\0')
            return false;
        list += end + 2;
    }
}

static bool has_all(const char *there, const char *wanted)
{
    for (;;) {
        size_t end = strcspn(wanted, ",");
        if (!has_item(there, wanted, end))
            return false;
        if (wanted[end] == '\0')
            return true;
        wanted += end + 2;
    }
}

/* Compares in any order, since a key contains no column twice. */
static bool is_over(const char *there, const char *wanted)
{
    return count_items(there) == count_items(wanted) && has_all(there, wanted);
}

/* Rows of these tables replace others (ON DUPLICATE KEY UPDATE, REPLACE), for which the server takes any unique key. */
static bool rows_replace_others(const char *table)
{
    static const char *const tables[] = {"coupon_history", "coupon_issue_state", "dead_letter", "erasure", "journal"};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        if (strcmp(tables[i], table) == 0)
            return true;
    }
    return false;
}

static bool is_our_column(const char *table, const char *name, size_t length)
{
    for (size_t i = 0; i < STORE_MYSQL_COLUMNS; i++) {
        const struct store_mysql_column *column = &store_mysql_columns[i];
        if (strcmp(column->table, table) == 0 && strlen(column->name) == length &&
            memcmp(column->name, name, length) == 0)
            return true;
    }
    return false;
}

/* True for a primary key over a column of the operator's own, such as a row number. */
static bool is_own_primary(const struct store_mysql_key *key)
{
    if (strcmp(key->name, "PRIMARY") != 0)
        return false;
    for (const char *list = key->columns;;) {
        size_t end = strcspn(list, ",");
        if (!is_our_column(key->table, list, end))
            return true;
        if (list[end] == '\0')
            return false;
        list += end + 2;
    }
}

/* A unique key over all columns of one of ours never stands in the way of a row that ours admits. */
static bool covers_ours(const struct store_mysql_key *key)
{
    for (size_t i = 0; i < STORE_MYSQL_KEYS; i++) {
        if (strcmp(store_mysql_keys[i].table, key->table) == 0 && has_all(key->columns, store_mysql_keys[i].columns))
            return true;
    }
    return false;
}

static void take_foreign_key(struct found *found, const struct store_mysql_key *key)
{
    if (!key->is_unique || !rows_replace_others(key->table) || covers_ours(key) || is_own_primary(key))
        return;
    for (size_t i = 0; i < STORE_MYSQL_TABLES; i++) {
        struct foreign_key *foreign = &found->foreign_keys[i];
        if (strcmp(store_mysql_tables[i], key->table) != 0)
            continue;
        snprintf(foreign->name, sizeof foreign->name, "%s", key->name);
        snprintf(foreign->columns, sizeof foreign->columns, "%s", key->columns);
    }
}

/* A key fits by its columns, whatever its name is. */
static void take_key(void *context, const struct store_mysql_key *key)
{
    struct found *found = context;
    take_foreign_key(found, key);
    for (size_t i = 0; i < STORE_MYSQL_KEYS; i++) {
        struct there *there = &found->keys[i];
        if (strcmp(store_mysql_keys[i].table, key->table) != 0)
            continue;
        if (key->is_unique && is_over(key->columns, store_mysql_keys[i].columns)) {
            there->fits = true;
            sql_text_add(&found->key_names, key->name);
            sql_text_add(&found->key_names, "\n");
        }
        if (strcmp(store_mysql_keys[i].name, key->name) != 0)
            continue;
        there->is_there = true;
        snprintf(there->is, sizeof there->is, "is %sunique over %.60s", key->is_unique ? "" : "not ", key->columns);
    }
}

/* Writes the list of tables for IN. */
static void list_tables(char list[LIST_BYTES])
{
    size_t length = 0;
    for (size_t i = 0; i < STORE_MYSQL_TABLES; i++)
        length +=
            (size_t)snprintf(list + length, LIST_BYTES - length, "%s%s", i == 0 ? "('" : "', '", store_mysql_tables[i]);
    length += (size_t)snprintf(list + length, LIST_BYTES - length, "')");
    CHECK(length < LIST_BYTES);
}

static enum store_result read_tables(struct store_mysql *store, struct found *found, struct error *error)
{
    char ours[LIST_BYTES];
    list_tables(ours);
    sql_text_clear(&store->sql);
    /* a subquery, because with a plain join MariaDB would look up the table again for each column */
    sql_text_add(&store->sql,
                 "SELECT c.table_name, COALESCE(t.engine, 'none'), c.column_name, c.data_type, c.column_type, "
                 "COALESCE(c.collation_name, ''), COALESCE(c.character_maximum_length, c.datetime_precision, 0), "
                 "c.is_nullable FROM information_schema.columns c JOIN (SELECT table_name, engine "
                 "FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name IN ");
    sql_text_add(&store->sql, ours);
    sql_text_add(&store->sql, ") t ON t.table_name = c.table_name WHERE c.table_schema = DATABASE() "
                              "AND c.table_name IN ");
    sql_text_add(&store->sql, ours);
    enum store_result result = store_mysql_each_row(store, "information_schema.columns", take_column, found, error);
    return result == STORE_OK ? store_mysql_each_key(store, ours, take_key, found, error) : result;
}

/* --- differences --- */

/* The differences of one table: a description of the first, their number, and the statement that repairs them. */
struct difference {
    char is[256];
    unsigned count;
    struct sql_text repair;
};

/* The text to append the next clause to; NULL when it is full. */
static struct sql_text *begin_clause(struct difference *difference, const char *table)
{
    struct sql_text *repair = &difference->repair;
    if (repair->length > REPAIR_BYTES)
        return NULL;
    if (repair->length > 0) {
        sql_text_add(repair, ", ");
        return repair;
    }
    sql_text_add(repair, "ALTER TABLE ");
    sql_text_add(repair, table);
    sql_text_add(repair, " ");
    return repair;
}

/* Counts a difference; describes only the first. */
static void describe(struct difference *difference, const char *what, const char *name, const char *is,
                     const char *wanted, const char *rest)
{
    if (difference->count++ > 0)
        return;
    snprintf(difference->is, sizeof difference->is, "%s %s %s, and must be %s%s", what, name, is, wanted, rest);
}

static void compare_column(struct difference *difference, const struct store_mysql_column *column,
                           const struct there *there)
{
    if (there->is_there && there->fits)
        return;
    struct sql_text *repair = begin_clause(difference, column->table);
    describe(difference, "column", column->name, there->is_there ? there->is : UNSEEN, column->type, column->rest);
    if (!repair)
        return;
    sql_text_add(repair, there->is_there ? "MODIFY " : "ADD COLUMN ");
    store_mysql_add_column(repair, column);
}

static void compare_key(struct difference *difference, const struct store_mysql_wanted_key *key,
                        const struct there *there)
{
    if (there->fits)
        return;
    struct sql_text *repair = begin_clause(difference, key->table);
    describe(difference, "key", key->name, there->is_there ? there->is : "is missing", "unique over ", key->columns);
    if (!repair)
        return;
    if (there->is_there) {
        sql_text_add(repair, store_mysql_is_primary(key) ? "DROP PRIMARY KEY" : "DROP KEY ");
        sql_text_add(repair, store_mysql_is_primary(key) ? "" : key->name);
        sql_text_add(repair, ", ");
    }
    sql_text_add(repair, "ADD ");
    store_mysql_add_key(repair, key);
}

static void add_drop(struct sql_text *sql, const char *name)
{
    if (strcmp(name, "PRIMARY") == 0) {
        sql_text_add(sql, "DROP PRIMARY KEY");
        return;
    }
    sql_text_add(sql, "DROP KEY `");
    for (; *name != '\0'; name++)
        sql_text_add(sql, *name == '`' ? "``" : (const char[2]){*name, '\0'});
    sql_text_add(sql, "`");
}

static void compare_foreign_key(struct difference *difference, const char *table, const struct foreign_key *foreign)
{
    char is[sizeof foreign->columns + 16];
    if (foreign->name[0] == '\0')
        return;
    struct sql_text *repair = begin_clause(difference, table);
    snprintf(is, sizeof is, "is unique over %s", foreign->columns);
    describe(difference, "key", foreign->name, is, "dropped", ", because a row could overwrite another one");
    if (repair)
        add_drop(repair, foreign->name);
}

static void compare_engine(struct difference *difference, const char *table, const struct there *there)
{
    if (there->fits)
        return;
    sql_text_add(begin_clause(difference, table), "ENGINE=" STORE_MYSQL_ENGINE);
    describe(difference, "its", "engine", there->is, STORE_MYSQL_ENGINE, "");
}

static void compare(struct difference *difference, const struct found *found, size_t table)
{
    const char *name = store_mysql_tables[table];
    compare_engine(difference, name, &found->tables[table]);
    for (size_t i = 0; i < STORE_MYSQL_COLUMNS; i++) {
        if (strcmp(store_mysql_columns[i].table, name) == 0)
            compare_column(difference, &store_mysql_columns[i], &found->columns[i]);
    }
    for (size_t i = 0; i < STORE_MYSQL_KEYS; i++) {
        if (strcmp(store_mysql_keys[i].table, name) == 0)
            compare_key(difference, &store_mysql_keys[i], &found->keys[i]);
    }
    compare_foreign_key(difference, name, &found->foreign_keys[table]);
}

static enum store_result judge(const struct store_mysql *store, const struct found *found, size_t table,
                               struct error *error)
{
    struct difference difference = {.count = 0};
    char more[48] = "";
    if (!found->tables[table].is_there) {
        error_set(error,
                  "%s: table %s " UNSEEN "; first GRANT it SELECT on all of coupond's tables (a persister's user also "
                  "INSERT, UPDATE and DELETE); restore a table from a backup if the server's administrator cannot see "
                  "it either",
                  store->base.description, store_mysql_tables[table]);
        return STORE_FAILED;
    }
    compare(&difference, found, table);
    if (difference.count > 1)
        snprintf(more, sizeof more, " (and %u more of this table)", difference.count - 1);
    if (difference.count > 0)
        error_set(error, "%s: table %s: %s%s; repair it with: %.*s", store->base.description, store_mysql_tables[table],
                  difference.is, more, (int)difference.repair.length, difference.repair.data);
    sql_text_deinit(&difference.repair);
    return difference.count > 0 ? STORE_FAILED : STORE_OK;
}

static enum store_result check_once(struct store *base, struct error *error)
{
    struct store_mysql *store = (struct store_mysql *)base;
    struct found found = {.tables = {{0}}};
    enum store_result result = read_tables(store, &found, error);
    if (result == STORE_OK) {
        sql_text_deinit(&store->key_names);
        store->key_names = found.key_names;
    } else {
        sql_text_deinit(&found.key_names);
        return result;
    }
    for (size_t i = 0; i < STORE_MYSQL_TABLES && result == STORE_OK; i++)
        result = judge(store, &found, i, error);
    base->awaits_setup = result != STORE_OK;
    return result;
}

/* Columns and keys are read one after the other, and a table is seen in parts while an ALTER TABLE ends: only what is
 * found twice in a row is a difference. */
enum store_result store_mysql_check_tables(struct store *base, struct error *error)
{
    const struct timespec pause = {.tv_nsec = AGAIN_MS * 1000000};
    struct error before = {""}, now = {""};
    enum store_result result = check_once(base, &now);
    for (unsigned i = 0; result == STORE_FAILED && i < AGAIN_MAX && strcmp(before.text, now.text) != 0; i++) {
        before = now;
        nanosleep(&pause, NULL);
        result = check_once(base, &now);
    }
    if (result != STORE_OK)
        error_set(error, "%s", now.text);
    return result;
}
