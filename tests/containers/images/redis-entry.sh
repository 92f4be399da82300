#!/bin/sh
# The official image is compiled with protected mode off, and does not run its server as root.
set -e
case $1 in
    -* | *.conf) set -- redis-server "$@" ;;
esac
if [ "$1" = redis-server ]; then
    set -- "$@" --protected-mode no
    [ "$(id -u)" != 0 ] || exec setpriv --reuid=redis --regid=redis --clear-groups "$@"
fi
exec "$@"
