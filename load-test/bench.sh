#!/bin/sh
# Run by `./dev bench`: measures nginx with a constant answer, coupond and the peers of --peers with the same wrk script.
# Options and method: load-test/bench.sh --help
set -eu
here=$(cd -- "$(dirname -- "$0")" && pwd)
for tool in wrk nginx; do
    if ! command -v "$tool" >/dev/null 2>&1 && ! [ -x "/usr/sbin/$tool" ]; then
        echo "bench: $tool is not installed; on Debian: apt-get install $tool" >&2
        exit 2
    fi
done
python=/usr/bin/python3
[ -x "$python" ] || python=python3
PYTHONPATH=$here PYTHONDONTWRITEBYTECODE=1 exec "$python" -m bench "$@"
