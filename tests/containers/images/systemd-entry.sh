#!/bin/sh
# systemd wants to write where the engine mounts the container's own part of the cgroups read-only.
set -e
for place in /sys/fs/cgroup/systemd /sys/fs/cgroup/unified /sys/fs/cgroup; do
    [ ! -d "$place" ] || mount -o remount,rw "$place" 2>/dev/null || true
done
exec /lib/systemd/systemd
