#!/bin/bash
# The accounts of the database, from the secrets as they are now: made when they are missing, altered when they differ. It runs at every
# `docker compose up`, so neither a start that was interrupted nor a password that was changed leaves MySQL without one of them.
# What the MySQL image does by itself it does once, while its volume is new.
set -euo pipefail

secrets=${COUPOND_SECRETS_DIR:-/run/secrets}
host=${COUPOND_MYSQL_HOST:-mysql}

fail() {
    echo "accounts: $*" >&2
    exit 1
}

secret() { # NAME
    [ -r "$secrets/$1" ] || fail "cannot read the secret $1; ./dev compose-check says who reads what"
    cat "$secrets/$1"
}

# What stands in single quotes in SQL.
quoted() {
    local text=${1//\\/\\\\}
    printf '%s' "${text//\'/\\\'}"
}

root=$(secret db_root_password)
coupond=$(quoted "$(secret db_password)")
exporter=$(quoted "$(secret exporter.cnf | sed -n 's/^password *= *//p')")
[ -n "$exporter" ] || fail "the secret exporter.cnf has no line password=…"

# The password goes in by a file descriptor: command lines and variables can be read by others.
mysql --defaults-extra-file=<(printf '[client]\nuser=root\npassword="%s"\n' "${root//\\/\\\\}") --protocol=tcp --host="$host" <<SQL ||
SET SESSION sql_mode = '';
CREATE DATABASE IF NOT EXISTS coupond;
CREATE USER IF NOT EXISTS 'coupond'@'%' IDENTIFIED BY '$coupond';
ALTER USER 'coupond'@'%' IDENTIFIED BY '$coupond';
GRANT ALL ON coupond.* TO 'coupond'@'%';
CREATE USER IF NOT EXISTS 'exporter'@'%' IDENTIFIED BY '$exporter';
ALTER USER 'exporter'@'%' IDENTIFIED BY '$exporter' WITH MAX_USER_CONNECTIONS 3;
GRANT PROCESS, REPLICATION CLIENT, SELECT ON *.* TO 'exporter'@'%';
SQL
    fail "MySQL refused. Was the volume made with another db_root_password? It keeps the one that it was made with"
echo "accounts: coupond and exporter are as the secrets say"
