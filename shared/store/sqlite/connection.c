/* Opening and closing the database file. */
#include "shared/store/sqlite/sqlite.h"

#include <unistd.h>

#define BUSY_TIMEOUT_MS 1000

void store_sqlite_close(struct store_sqlite *store)
{
    for (size_t i = 0; i < SQLITE_STATEMENTS; i++) {
        sqlite3_finalize(store->statements[i]);
        store->statements[i] = NULL;
    }
    sqlite3_close(store->db);
    store->db = NULL;
}

/*
 * FULL: an acknowledged batch is never sent again, so it must outlive a power failure. Users arrive in random order, so
 * their index wants 64 MiB of cache, and checkpoints of 32 MiB instead of 4 (measured: 68,000 rows a second instead of
 * 33,000).
 */
static enum store_result configure(struct store_sqlite *store, struct error *error)
{
    sqlite3_extended_result_codes(store->db, 1);
    sqlite3_busy_timeout(store->db, BUSY_TIMEOUT_MS);
    if (store->base.only_reads)
        return store_sqlite_run(store, "configuring the connection",
                                "PRAGMA query_only = ON; PRAGMA trusted_schema = OFF; PRAGMA cache_size = -2048",
                                error);
    return store_sqlite_run(
        store, "configuring the connection",
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = OFF;"
        "PRAGMA secure_delete = OFF; PRAGMA trusted_schema = OFF;"
        "PRAGMA journal_size_limit = 67108864; PRAGMA cache_size = -65536; PRAGMA wal_autocheckpoint = 8192;",
        error);
}

enum store_result store_sqlite_open(struct store_sqlite *store, int flags, struct error *error)
{
    store_sqlite_close(store);
    enum store_result result = STORE_OK;
    if (sqlite3_open_v2(store->path, &store->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | flags, NULL) !=
        SQLITE_OK)
        result = store_sqlite_fault(store, "opening", error);
    if (result == STORE_OK)
        result = configure(store, error);
    if (result != STORE_OK)
        store_sqlite_close(store);
    return result;
}

bool store_sqlite_is_absent(const struct store_sqlite *store)
{
    return access(store->path, F_OK) != 0;
}

/* After the file was deleted or replaced, the open one is visible to no other process. */
static bool has_moved(struct store_sqlite *store)
{
    int moved = 0;
    return sqlite3_file_control(store->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK && moved != 0;
}

enum store_result store_sqlite_need_open(struct store_sqlite *store, struct error *error)
{
    if (store->db && has_moved(store))
        store_sqlite_close(store);
    if (store->db)
        return STORE_OK;
    if (!store_sqlite_is_absent(store))
        return store_sqlite_open(store, 0, error);
    error_set(error, "%s does not exist; the persister creates it when it starts", store->base.description);
    return STORE_FAILED;
}
