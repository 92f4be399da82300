/*
 * The tables of the store: one row per table, column and key. The tables are created from these rows, and existing ones
 * are compared with them, because an operator may have altered them: a collation that ignores case treats two users as
 * one, an engine without transactions keeps half a batch, and a missing key admits duplicates. Wider columns than
 * needed are accepted.
 */
#include "shared/store/mysql/mysql.h"

#include <stdlib.h>
#include <string.h>

enum kind {
    KIND_ASCII, /* ids: compared byte by byte */
    KIND_UTF8,
    KIND_BYTES,
    KIND_UNSIGNED,
    KIND_TIME,
};

struct column {
    const char *table;
    const char *name;
    enum kind kind;
    unsigned size; /* minimum: characters, bytes, or digits of a fraction of a second */
    const char *type;
    const char *rest; /* of the definition */
};

/* The primary key, or another unique key. */
struct key {
    const char *table;
    const char *name;
    const char *columns;
};

/* clang-format off */
#define CHAR(n)    KIND_ASCII, n, "CHAR(" #n ") COLLATE ascii_bin"
#define VARCHAR(n) KIND_ASCII, n, "VARCHAR(" #n ") COLLATE ascii_bin"
#define UTF8(n)    KIND_UTF8, n, "VARCHAR(" #n ") COLLATE utf8mb4_bin"
#define BYTES(n)   KIND_BYTES, n, "VARBINARY(" #n ")"
#define BOOLEAN    KIND_UNSIGNED, 0, "BOOLEAN"
#define SMALLINT   KIND_UNSIGNED, 2, "SMALLINT UNSIGNED"
#define INT        KIND_UNSIGNED, 4, "INT UNSIGNED"
#define BIGINT     KIND_UNSIGNED, 8, "BIGINT UNSIGNED"
#define TIME       KIND_TIME, 6, "DATETIME(6)"
#define SET        " NOT NULL"
#define OPTIONAL   " NULL"

static const char *const tables[] = {"coupon", "coupon_issue", "dead_letter", "journal", "schema_version"};

/* The rows of one table are adjacent. */
static const struct column columns[] = {
    {"coupon", "id", VARCHAR(32), SET},
    {"coupon", "title", UTF8(512), SET},
    {"coupon", "quantity", INT, SET},
    {"coupon", "per_user_limit", INT, SET},
    {"coupon", "starts_at", TIME, OPTIONAL},
    {"coupon", "ends_at", TIME, OPTIONAL},
    {"coupon", "paused", BOOLEAN, SET},
    {"coupon", "issued", INT, SET},
    {"coupon", "created_at", TIME, SET},
    {"coupon", "updated_at", TIME, SET},
    {"coupon", "journal_seq", BIGINT, SET},
    {"coupon_issue", "coupon_id", VARCHAR(32), SET},
    {"coupon_issue", "sequence", INT, SET},
    {"coupon_issue", "user_id", VARCHAR(64), SET},
    {"coupon_issue", "nth", SMALLINT, SET},
    {"coupon_issue", "issued_at", TIME, SET},
    {"coupon_issue", "journal_seq", BIGINT, SET},
    {"dead_letter", "journal_id", CHAR(32), SET},
    {"dead_letter", "journal_seq", BIGINT, SET},
    {"dead_letter", "partition_no", SMALLINT, SET},
    {"dead_letter", "coupon_id", VARCHAR(32), SET},
    {"dead_letter", "sequence", INT, OPTIONAL},
    {"dead_letter", "user_id", VARCHAR(64), OPTIONAL},
    {"dead_letter", "nth", SMALLINT, OPTIONAL},
    {"dead_letter", "recorded_at", TIME, SET},
    {"dead_letter", "record", BYTES(1024), SET},
    {"dead_letter", "reason", UTF8(512), SET},
    {"dead_letter", "dead_at", TIME, SET},
    {"journal", "partition_no", SMALLINT, SET},
    {"journal", "journal_id", CHAR(32), SET},
    {"journal", "partitions", SMALLINT, SET},
    {"journal", "last_seq", BIGINT, SET},
    {"journal", "ahead", VARCHAR(4000), SET " DEFAULT ''"},
    {"schema_version", "version", INT, SET},
    {"schema_version", "applied_at", TIME, SET},
    {"schema_version", "store_id", CHAR(32), OPTIONAL},
};

static const struct key keys[] = {
    {"coupon", "PRIMARY", "id"},
    {"coupon_issue", "PRIMARY", "coupon_id, sequence"},
    {"coupon_issue", "holder", "coupon_id, user_id, nth"},
    {"dead_letter", "PRIMARY", "journal_id, journal_seq"},
    {"journal", "PRIMARY", "partition_no"},
    {"schema_version", "PRIMARY", "version"},
};
/* clang-format on */
#define COUNT(array) (sizeof(array) / sizeof *(array))

#define ENGINE       "InnoDB"
#define REPAIR_BYTES 280 /* of an ALTER TABLE; further differences are reported after the repair */
#define LIST_BYTES   96  /* of the tables' names */
#define UNSEEN       "is missing, or this user may not see it" /* a table or a column */

/* --- text --- */

static void add_column(struct sql_text *sql, const struct column *column)
{
    sql_text_add(sql, column->name);
    sql_text_add(sql, " ");
    sql_text_add(sql, column->type);
    sql_text_add(sql, column->rest);
}

static bool is_primary(const struct key *key)
{
    return strcmp(key->name, "PRIMARY") == 0;
}

static void add_key(struct sql_text *sql, const struct key *key)
{
    sql_text_add(sql, is_primary(key) ? "PRIMARY KEY" : "UNIQUE KEY ");
    sql_text_add(sql, is_primary(key) ? "" : key->name);
    sql_text_add(sql, " (");
    sql_text_add(sql, key->columns);
    sql_text_add(sql, ")");
}

size_t store_mysql_tables_count(void)
{
    return COUNT(tables);
}

void store_mysql_add_table(struct sql_text *sql, size_t table)
{
    const char *before = " (";
    sql_text_add(sql, "CREATE TABLE IF NOT EXISTS ");
    sql_text_add(sql, tables[table]);
    for (size_t i = 0; i < COUNT(columns); i++) {
        if (strcmp(columns[i].table, tables[table]) != 0)
            continue;
        sql_text_add(sql, before);
        add_column(sql, &columns[i]);
        before = ", ";
    }
    for (size_t i = 0; i < COUNT(keys); i++) {
        if (strcmp(keys[i].table, tables[table]) != 0)
            continue;
        sql_text_add(sql, before);
        add_key(sql, &keys[i]);
    }
    sql_text_add(sql, ") ENGINE=" ENGINE " DEFAULT CHARACTER SET ascii COLLATE ascii_bin");
}

/* --- the existing tables --- */

struct there {
    bool is_there;
    bool fits;
    char is[96]; /* in words */
};

struct found {
    struct there tables[COUNT(tables)];
    struct there columns[COUNT(columns)];
    struct there keys[COUNT(keys)];
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
    for (size_t i = 0; i < COUNT(widths); i++) {
        if (strcmp(type, widths[i].type) == 0)
            return widths[i].width;
    }
    return 0;
}

static bool fits(const struct column *column, const struct shown *shown)
{
    bool holds_bytes = strcmp(shown->type, "varbinary") == 0 || ends_with(shown->type, "blob");
    if (!shown->takes_null && strcmp(column->rest, OPTIONAL) == 0)
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
    for (size_t i = 0; i < COUNT(tables); i++) {
        struct there *there = &found->tables[i];
        if (strcmp(tables[i], table) != 0)
            continue;
        there->is_there = true;
        there->fits = strcmp(engine, ENGINE) == 0;
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
    for (size_t i = 0; i < COUNT(columns); i++) {
        struct there *there = &found->columns[i];
        if (strcmp(columns[i].table, values[0]) != 0 || strcmp(columns[i].name, values[2]) != 0)
            continue;
        there->is_there = true;
        there->fits = fits(&columns[i], &shown);
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

/* Compares in any order; a key contains no column twice. */
static bool is_over(const char *there, const char *wanted)
{
    if (count_items(there) != count_items(wanted))
        return false;
    for (;;) {
        size_t end = strcspn(wanted, ",");
        if (!has_item(there, wanted, end))
            return false;
        if (wanted[end] == '\0')
            return true;
        wanted += end + 2;
    }
}

/* A key fits by its columns, whatever its name is. */
static void take_key(void *context, const struct store_mysql_key *key)
{
    struct found *found = context;
    for (size_t i = 0; i < COUNT(keys); i++) {
        struct there *there = &found->keys[i];
        if (strcmp(keys[i].table, key->table) != 0)
            continue;
        if (key->is_unique && is_over(key->columns, keys[i].columns)) {
            there->fits = true;
            sql_text_add(&found->key_names, key->name);
            sql_text_add(&found->key_names, "\n");
        }
        if (strcmp(keys[i].name, key->name) != 0)
            continue;
        there->is_there = true;
        snprintf(there->is, sizeof there->is, "is %sunique over %.60s", key->is_unique ? "" : "not ", key->columns);
    }
}

/* Writes the list of tables for IN. */
static void list_tables(char list[LIST_BYTES])
{
    size_t length = 0;
    for (size_t i = 0; i < COUNT(tables); i++)
        length += (size_t)snprintf(list + length, LIST_BYTES - length, "%s%s", i == 0 ? "('" : "', '", tables[i]);
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

static void compare_column(struct difference *difference, const struct column *column, const struct there *there)
{
    if (there->is_there && there->fits)
        return;
    struct sql_text *repair = begin_clause(difference, column->table);
    describe(difference, "column", column->name, there->is_there ? there->is : UNSEEN, column->type, column->rest);
    if (!repair)
        return;
    sql_text_add(repair, there->is_there ? "MODIFY " : "ADD COLUMN ");
    add_column(repair, column);
}

static void compare_key(struct difference *difference, const struct key *key, const struct there *there)
{
    if (there->fits)
        return;
    struct sql_text *repair = begin_clause(difference, key->table);
    describe(difference, "key", key->name, there->is_there ? there->is : "is missing", "unique over ", key->columns);
    if (!repair)
        return;
    if (there->is_there) {
        sql_text_add(repair, is_primary(key) ? "DROP PRIMARY KEY" : "DROP KEY ");
        sql_text_add(repair, is_primary(key) ? "" : key->name);
        sql_text_add(repair, ", ");
    }
    sql_text_add(repair, "ADD ");
    add_key(repair, key);
}

static void compare_engine(struct difference *difference, const char *table, const struct there *there)
{
    if (there->fits)
        return;
    sql_text_add(begin_clause(difference, table), "ENGINE=" ENGINE);
    describe(difference, "its", "engine", there->is, ENGINE, "");
}

static void compare(struct difference *difference, const struct found *found, size_t table)
{
    const char *name = tables[table];
    compare_engine(difference, name, &found->tables[table]);
    for (size_t i = 0; i < COUNT(columns); i++) {
        if (strcmp(columns[i].table, name) == 0)
            compare_column(difference, &columns[i], &found->columns[i]);
    }
    for (size_t i = 0; i < COUNT(keys); i++) {
        if (strcmp(keys[i].table, name) == 0)
            compare_key(difference, &keys[i], &found->keys[i]);
    }
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
                  store->base.description, tables[table]);
        return STORE_FAILED;
    }
    compare(&difference, found, table);
    if (difference.count > 1)
        snprintf(more, sizeof more, " (and %u more of this table)", difference.count - 1);
    if (difference.count > 0)
        error_set(error, "%s: table %s: %s%s; repair it with: %.*s", store->base.description, tables[table],
                  difference.is, more, (int)difference.repair.length, difference.repair.data);
    sql_text_deinit(&difference.repair);
    return difference.count > 0 ? STORE_FAILED : STORE_OK;
}

enum store_result store_mysql_check_tables(struct store *base, struct error *error)
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
    for (size_t i = 0; i < COUNT(tables) && result == STORE_OK; i++)
        result = judge(store, &found, i, error);
    base->awaits_setup = result != STORE_OK;
    return result;
}
