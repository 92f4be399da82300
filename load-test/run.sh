#!/bin/sh
# Runs Locust against the whole system with 1, 2 and 4 gateways behind HAProxy. Writes reports, CSV and a chart, and checks the promises.
# Options and method: load-test/run.sh --help
set -eu
here=$(cd -- "$(dirname -- "$0")" && pwd)
for tool in locust haproxy; do
    if ! command -v "$tool" >/dev/null 2>&1 && ! [ -x "/usr/sbin/$tool" ]; then
        echo "run.sh: $tool is not installed; ./dev load-test installs the required packages" >&2
        exit 2
    fi
done
python=/usr/bin/python3
[ -x "$python" ] || python=python3
PYTHONPATH=$here PYTHONDONTWRITEBYTECODE=1 exec "$python" -m rush "$@"
