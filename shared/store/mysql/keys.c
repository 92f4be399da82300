/*
 * Reads the keys of tables from information_schema, one row per column of a key, so that nothing depends on the length
 * to which the server concatenates.
 */
#include "shared/store/mysql/mysql.h"

#include <string.h>

#define COLUMNS_BYTES 512 /* only keys that are not ours are longer, and are cut */

struct walk {
    store_mysql_key_fn each;
    void *context;
    bool is_in_key;
    bool is_unique;
    char table[STORE_MYSQL_NAME_BYTES];
    char name[STORE_MYSQL_NAME_BYTES];
    char columns[COLUMNS_BYTES];
};

static void end_key(struct walk *walk)
{
    const struct store_mysql_key key = {walk->table, walk->name, walk->columns, walk->is_unique};
    if (walk->is_in_key)
        walk->each(walk->context, &key);
    walk->is_in_key = false;
}

static void begin_key(struct walk *walk, const char *table, const char *name, bool is_unique)
{
    walk->is_in_key = true;
    walk->is_unique = is_unique;
    walk->columns[0] = '\0';
    snprintf(walk->table, sizeof walk->table, "%s", table);
    snprintf(walk->name, sizeof walk->name, "%s", name);
}

/* `column` is NULL for an expression, which MySQL allows in a key. */
static void add_column(struct walk *walk, const char *column, const char *prefix)
{
    size_t length = strlen(walk->columns);
    snprintf(walk->columns + length, sizeof walk->columns - length, "%s%s%s%s%s", length > 0 ? ", " : "",
             column ? column : "an expression", prefix ? "(" : "", prefix ? prefix : "", prefix ? ")" : "");
}

static bool take_column(void *context, char **values, const unsigned long *lengths, bool *good)
{
    struct walk *walk = context;
    (void)lengths;
    (void)good;
    if (!values[0] || !values[1] || !values[4] || !values[5])
        return true;
    if (strcmp(values[5], "1") == 0) {
        end_key(walk);
        begin_key(walk, values[0], values[1], strcmp(values[4], "0") == 0);
    }
    add_column(walk, values[2], values[3]);
    return true;
}

enum store_result store_mysql_each_key(struct store_mysql *store, const char *tables, store_mysql_key_fn each,
                                       void *context, struct error *error)
{
    struct walk walk = {.each = each, .context = context};
    sql_text_clear(&store->sql);
    sql_text_add(&store->sql, "SELECT table_name, index_name, column_name, sub_part, non_unique, seq_in_index "
                              "FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name IN ");
    sql_text_add(&store->sql, tables);
    sql_text_add(&store->sql, " ORDER BY table_name, index_name, seq_in_index");
    enum store_result result = store_mysql_each_row(store, "information_schema.statistics", take_column, &walk, error);
    end_key(&walk);
    return result;
}
