#!/bin/bash
# What the official MySQL image does at its start: secrets from files, a new data folder set up behind a socket, then mysqld as its own user.
set -euo pipefail

[ "${1#-}" = "$1" ] || set -- mysqld "$@"
[ "$1" = mysqld ] || exec "$@"

from_file() { # VARIABLE: its value, or the content of the file that VARIABLE_FILE names
    local file=${1}_FILE
    if [ -n "${!file:-}" ]; then
        export "$1=$(<"${!file}")"
        unset "$file"
    fi
}
for name in MYSQL_ROOT_PASSWORD MYSQL_DATABASE MYSQL_USER MYSQL_PASSWORD; do from_file "$name"; done

if [ "$(id -u)" = 0 ]; then
    chown mysql:mysql /var/lib/mysql /var/run/mysqld
    exec setpriv --reuid=mysql --regid=mysql --clear-groups "$0" "$@"
fi

sql() { mysql --no-defaults --protocol=socket --socket=/var/run/mysqld/mysqld.sock -uroot "$@"; }

if [ ! -d /var/lib/mysql/mysql ]; then
    [ -n "${MYSQL_ROOT_PASSWORD:-}" ] || { echo "entry point: MYSQL_ROOT_PASSWORD is not set" >&2; exit 1; }
    echo "entry point: initializing the database"
    "$@" --initialize-insecure
    "$@" --skip-networking --mysqlx=OFF &
    server=$!
    for _ in $(seq 600); do
        sql -e 'SELECT 1' >/dev/null 2>&1 && break
        kill -0 "$server" || exit 1
        sleep 0.1
    done
    # Unquoted, as the official image does it: a password with a quote stops it here, half way.
    {
        echo "ALTER USER 'root'@'localhost' IDENTIFIED BY '$MYSQL_ROOT_PASSWORD';"
        echo "CREATE USER 'root'@'%' IDENTIFIED BY '$MYSQL_ROOT_PASSWORD'; GRANT ALL ON *.* TO 'root'@'%' WITH GRANT OPTION;"
        [ -z "${MYSQL_DATABASE:-}" ] || echo "CREATE DATABASE IF NOT EXISTS \`$MYSQL_DATABASE\`;"
        [ -z "${MYSQL_USER:-}" ] || echo "CREATE USER '$MYSQL_USER'@'%' IDENTIFIED BY '$MYSQL_PASSWORD'; GRANT ALL ON \`$MYSQL_DATABASE\`.* TO '$MYSQL_USER'@'%';"
    } | sql
    export MYSQL_PWD=$MYSQL_ROOT_PASSWORD
    for script in /docker-entrypoint-initdb.d/*; do
        case $script in
            *.sh) echo "entry point: $script"; bash "$script" ;;
            *.sql) echo "entry point: $script"; sql ${MYSQL_DATABASE:+"$MYSQL_DATABASE"} <"$script" ;;
        esac
    done
    kill "$server"
    wait "$server"
    unset MYSQL_PWD
    echo "entry point: the database is initialized"
fi
exec "$@"
