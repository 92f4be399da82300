#!/bin/bash
# Run once by the MySQL image, when its volume is new: the user of mysqld_exporter, with the password of its secret.
set -euo pipefail
password=$(sed -n 's/^password=//p' /run/secrets/exporter.cnf)
MYSQL_PWD=$MYSQL_ROOT_PASSWORD mysql --protocol=socket --user=root <<SQL
CREATE USER 'exporter'@'%' IDENTIFIED BY '$password' WITH MAX_USER_CONNECTIONS 3;
GRANT PROCESS, REPLICATION CLIENT, SELECT ON *.* TO 'exporter'@'%';
SQL
