#!/bin/bash
# Creates the database's accounts and sets their passwords to those of the secrets. It runs at every `docker compose up`, so that an
# interrupted start or a changed password is corrected by the next one. The MySQL image itself creates accounts only in a new volume.
set -euo pipefail

secrets=${COUPOND_SECRETS_DIR:-/run/secrets}
host=${COUPOND_MYSQL_HOST:-mysql}

fail() {
    echo "accounts: $*" >&2
    exit 1
}

secret() { # NAME
    [ -r "$secrets/$1" ] || fail "cannot read the secret $1; ./dev compose-check shows which user must be able to"
    cat "$secrets/$1"
}

# Escapes a text for single quotes in SQL.
quoted() {
    local text=${1//\\/\\\\}
    printf '%s' "${text//\'/\\\'}"
}

root=$(secret db_root_password)
coupond=$(quoted "$(secret db_password)")
exporter=$(quoted "$(secret exporter.cnf | sed -n 's/^password *= *//p')")
[ -n "$exporter" ] || fail "the secret exporter.cnf has no line password=…"

# The password is passed by a file descriptor, since other users can read command lines and environment variables.
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
    fail "MySQL refused the statements. The volume keeps the db_root_password with which it was created; is the secret another one now?"
echo "accounts: coupond and exporter have the passwords of the secrets"
