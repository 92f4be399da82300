/* Classifies errors of the server and of the connection to it. */
#include "shared/store/mysql/mysql.h"

#include <errmsg.h>
#include <mysqld_error.h>
#include <string.h>

/* Error numbers of the servers that only one of the client libraries' headers names. */
enum {
    FAULT_SERVER_GONE = 2006,
    FAULT_DISK_FULL = 1021,
    FAULT_READ_ONLY_TRANSACTION = 1792,
    FAULT_READ_ONLY_MODE = 1836,
    FAULT_CONNECTION_KILLED = 1927,   /* MariaDB */
    FAULT_STATEMENT_TIMEOUT = 1969,   /* MariaDB */
    FAULT_QUERY_TIMEOUT = 3024,       /* MySQL */
    FAULT_GROUP_HOOK = 3100,          /* MySQL group replication */
    FAULT_GROUP_ROLLBACK = 3101,      /* MySQL group replication */
    FAULT_DISK_FULL_WAITING = 3890,   /* MySQL: out of disk resources */
    FAULT_INTERACTION_TIMEOUT = 4031, /* MySQL: closed as idle */
    FAULT_CHECK_VIOLATED = 3819,      /* MySQL */
};

/* Errors after which the connection is unusable. */
static bool is_lost(unsigned code)
{
    bool of_the_client = code >= CR_MIN_ERROR && code < 3000;
    return of_the_client || code == ER_SERVER_SHUTDOWN || code == FAULT_CONNECTION_KILLED ||
           code == FAULT_INTERACTION_TIMEOUT || code == ER_NO_DB_ERROR; /* the database was dropped */
}

/* Errors of a server that another one of several has replaced. */
static bool is_displaced(unsigned code)
{
    return code == ER_UNKNOWN_COM_ERROR || code == ER_OPTION_PREVENTS_STATEMENT || code == FAULT_READ_ONLY_MODE ||
           code == FAULT_GROUP_HOOK;
}

/* Temporary errors, retried without limit. */
static bool passes(unsigned code)
{
    switch (code) {
    /* no connection, or a lost one */
    case CR_CONNECTION_ERROR:
    case CR_CONN_HOST_ERROR:
    case CR_UNKNOWN_HOST:
    case CR_IPSOCK_ERROR:
    case CR_SERVER_HANDSHAKE_ERR:
    case FAULT_SERVER_GONE:
    case CR_SERVER_LOST:
    case CR_SERVER_LOST_EXTENDED:
    case CR_MALFORMED_PACKET:
    case CR_OUT_OF_MEMORY:
    case CR_COMMANDS_OUT_OF_SYNC:
    case CR_UNKNOWN_ERROR:
    case ER_CON_COUNT_ERROR:
    case ER_TOO_MANY_USER_CONNECTIONS:
    case ER_USER_LIMIT_REACHED:
    case ER_SERVER_SHUTDOWN:
    case ER_FORCING_CLOSE:
    case ER_HANDSHAKE_ERROR:
    case ER_ABORTING_CONNECTION:
    case ER_NET_READ_ERROR:
    case ER_NET_READ_INTERRUPTED:
    case ER_NET_ERROR_ON_WRITE:
    case ER_NET_WRITE_INTERRUPTED:
    case ER_NET_PACKETS_OUT_OF_ORDER:
    case ER_UNKNOWN_COM_ERROR: /* a Galera node outside its cluster */
    case FAULT_CONNECTION_KILLED:
    case FAULT_INTERACTION_TIMEOUT:
    /* locks of other transactions */
    case ER_LOCK_DEADLOCK:
    case ER_LOCK_WAIT_TIMEOUT:
    case ER_CANT_UPDATE_WITH_READLOCK:
    case ER_QUERY_INTERRUPTED:
    case FAULT_STATEMENT_TIMEOUT:
    case FAULT_QUERY_TIMEOUT:
    /* a server that is not writable */
    case ER_OPTION_PREVENTS_STATEMENT:
    case FAULT_READ_ONLY_TRANSACTION:
    case FAULT_READ_ONLY_MODE:
    case FAULT_GROUP_HOOK:
    case FAULT_GROUP_ROLLBACK:
    case ER_ERROR_DURING_COMMIT:
    /* disk and memory */
    case FAULT_DISK_FULL:
    case ER_RECORD_FILE_FULL:
    case ER_ERROR_ON_WRITE:
    case ER_GET_ERRNO:
    case ER_OUTOFMEMORY:
    case ER_OUT_OF_SORTMEMORY:
    case ER_OUT_OF_RESOURCES:
    case FAULT_DISK_FULL_WAITING:
        return true;
    default:
        return false;
    }
}

enum store_result store_mysql_fault(struct store_mysql *store, const char *doing, struct error *error)
{
    unsigned code = mysql_errno(store->connection);
    bool format = code == ER_BINLOG_STMT_MODE_AND_ROW_ENGINE;
    error_set(error, "%s: %s: %s (error %u)%s", store->base.description, doing, mysql_error(store->connection), code,
              format
                  ? "; set the server's binlog_format to ROW or MIXED, or allow this user to change it for a session "
                    "(MariaDB: GRANT BINLOG ADMIN; MySQL: GRANT SESSION_VARIABLES_ADMIN)"
                  : "");
    store->lost = store->lost || is_lost(code) || (store_mysql_has_choice(store) && is_displaced(code));
    return passes(code) ? STORE_RETRY : STORE_FAILED;
}

/*
 * True for the SQLSTATE classes 22 (bad data), 23 (constraint) and 45 (signal of a trigger), and for the errors that
 * servers report without a class of their own. A missing or additional column is not the fault of a row: the server
 * would refuse every row.
 */
static bool refuses_row(MYSQL *connection)
{
    switch (mysql_errno(connection)) {
    case WARN_DATA_TRUNCATED:
    case ER_TRUNCATED_WRONG_VALUE_FOR_FIELD:
    case ER_NO_PARTITION_FOR_GIVEN_VALUE:
    case ER_SIGNAL_EXCEPTION:
    case FAULT_CHECK_VIOLATED:
        return true;
    default:
        break;
    }
    const char *state = mysql_sqlstate(connection);
    return strncmp(state, "22", 2) == 0 || strncmp(state, "23", 2) == 0 || strncmp(state, "45", 2) == 0;
}

enum store_result store_mysql_row_fault(struct store_mysql *store, const char *doing, struct error *error)
{
    enum store_result result = store_mysql_fault(store, doing, error);
    return result == STORE_FAILED && refuses_row(store->connection) ? STORE_REJECTED : result;
}

enum store_result store_mysql_run_row(struct store_mysql *store, const char *doing, struct error *error)
{
    if (mysql_real_query(store->connection, store->sql.data, store->sql.length) == 0)
        return STORE_OK;
    return store_mysql_row_fault(store, doing, error);
}

/* The message is "Duplicate entry 'x' for key 'coupon_issue.holder'", and `end` its last quote. MariaDB omits the
 * table. */
static bool names_key(const char *message, const char *end, const char *name, size_t length)
{
    if ((size_t)(end - message) <= length || memcmp(end - length, name, length) != 0)
        return false;
    char before = *(end - length - 1);
    return before == '\'' || before == '.';
}

/* The primary keys count as ours even before the tables have been checked. */
static bool names_our_key(const struct store_mysql *store, const char *message)
{
    const struct sql_text *names = &store->key_names;
    const char *end = strrchr(message, '\'');
    if (!end)
        return false;
    if (names_key(message, end, "PRIMARY", 7))
        return true;
    for (size_t at = 0, length = 0; at < names->length; at += length + 1) {
        length = (size_t)((const char *)memchr(names->data + at, '\n', names->length - at) - (names->data + at));
        if (names_key(message, end, names->data + at, length))
            return true;
    }
    return false;
}

bool store_mysql_is_duplicate(const struct store_mysql *store)
{
    return mysql_errno(store->connection) == ER_DUP_ENTRY && names_our_key(store, mysql_error(store->connection));
}
