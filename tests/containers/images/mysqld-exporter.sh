#!/bin/sh
# Debian 12 has mysqld_exporter 0.14, which takes the server's address by a variable and not by --mysqld.address, as 0.15 does.
set -e
for argument; do
    shift
    case $argument in
        --config.my-cnf=*) file=${argument#*=} ;;
        --mysqld.address=*) address=${argument#*=} ;;
        *) set -- "$@" "$argument" ;;
    esac
done
[ -r "$file" ] || { echo "failed reading ini file $file: permission denied" >&2; exit 1; }
DATA_SOURCE_NAME="$(sed -n 's/^user *= *//p' "$file"):$(sed -n 's/^password *= *//p' "$file")@tcp($address)/"
export DATA_SOURCE_NAME
exec /usr/bin/prometheus-mysqld-exporter "$@"
