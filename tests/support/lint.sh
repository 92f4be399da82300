#!/usr/bin/env bash
# shellcheck disable=SC2317 # the checks are called by name
# What ./dev lint checks after the build. Without arguments all checks run, and one that fails fails the whole;
# `lint.sh NAME…` runs only these: format, cppcheck, clang-tidy, shellcheck, python, includes, dialect, length, options,
# contract.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit

readonly lines_max=500
readonly program=build/dev/coupond/coupond
mkdir -p build/lint

wanted=("$@")
failed=0
check() { # TITLE COMMAND…; the title's first word is the name of the check
    local title=$1
    shift
    if [ "${#wanted[@]}" -gt 0 ] && [[ " ${wanted[*]} " != *" ${title%% *} "* ]]; then return; fi
    printf '\033[1m==> lint: %s\033[0m\n' "$title" >&2
    "$@" >&2 || { printf 'lint: %s: FAILED\n' "$title" >&2; failed=1; }
}

# The files of the tree that match, without those that are deleted but still known to git.
sources() {
    git ls-files --cached --others --exclude-standard "$@" | sort -u | while read -r file; do
        if [ -f "$file" ]; then echo "$file"; fi
    done
}

formatted() { sources '*.c' '*.h' | xargs clang-format --dry-run -Werror; }

c_and_settings() { sources '*.c' '*.h' .clang-tidy tests/support/lint.sh '*CMakeLists.txt' '*.cmake'; }
python_and_settings() { python_files; sources .flake8 .pylintrc tests/support/lint.sh; }

# Runs a command unless the files that another command lists are as they were when it last passed.
unless_unchanged() { # NAME FILES COMMAND…
    local stamp=build/lint/$1.sha now
    now=$("$2" | xargs sha256sum | sha256sum)
    shift 2
    [ -f "$stamp" ] && [ "$now" = "$(cat "$stamp")" ] && return 0
    "$@" || return 1
    echo "$now" >"$stamp"
}

run_cppcheck() {
    sources '*.c' | grep -v '^tests/' | xargs cppcheck --quiet --std=c11 --language=c -I . -j "$(nproc)" -D_GNU_SOURCE \
        --enable=warning,portability,performance --inline-suppr --error-exitcode=1 --suppress=missingIncludeSystem --suppress=internalAstError \
        '-DCOUPOND_VERSION="lint"'
}

run_clang_tidy() {
    # Its standard error only counts suppressed warnings, unless it cannot run at all.
    sources '*.c' | grep -v '^tests/' |
        xargs -n 4 -P "$(nproc)" clang-tidy --quiet -p build/dev 2>build/lint/clang-tidy.log ||
        { grep -v 'warnings\? generated' build/lint/clang-tidy.log; return 1; }
}

# Of the given files those whose first line names an interpreter that matches.
run_by() { # EXPRESSION FILE…
    local file expression=$1
    shift
    for file in "$@"; do
        if head -n 1 "$file" | grep -qaE "^#!.*\b($expression)\$"; then echo "$file"; fi
    done
}

scripts() {
    local files
    mapfile -t files < <(sources)
    run_by '(ba)?sh' "${files[@]}" | xargs shellcheck
}

python_files() {
    local others
    mapfile -t others < <(sources ':!*.py')
    { sources '*.py'; run_by 'python3?' "${others[@]}"; } | sort
}

# .flake8 and .pylintrc say what is checked. Both run, so that one run tells everything.
run_python_linters() {
    local status=0
    python_files | xargs /usr/bin/python3 -m flake8 || status=1
    python_files | xargs /usr/bin/python3 -m pylint || status=1
    return "$status"
}

# Roles and shared/ below coupond/, no circle, and the compiler sees no other includes than we do.
includes() { /usr/bin/python3 tests/support/includes.py --build build/dev; }

# What clang-format leaves open.
dialect() { sources '*.c' '*.h' | xargs /usr/bin/python3 tests/support/dialect.py; }

short_files() {
    local file lines bad=0
    while read -r file; do
        lines=$(wc -l <"$file")
        [ "$lines" -le "$lines_max" ] && continue
        echo "$file has $lines lines; $lines_max is the most: split it by responsibility"
        bad=1
    done < <(sources '*.c' '*.h' '*.py' '*.sh' dev)
    return "$bad"
}

# The table between the markers is what a command prints.
documented_options() { # FILE COMMAND…
    local table
    [ -f "$1" ] || { echo "$1 is missing"; return 1; }
    grep -q '^<!-- options -->$' "$1" || { echo "$1: the marker <!-- options --> is missing"; return 1; }
    table=$("${@:2}") || return 1
    diff -u --label "$1" --label "${*:2} (./dev fmt puts it right)" \
        <(sed -n '/^<!-- options -->$/,/^<!-- \/options -->$/p' "$1" | grep '^|') - <<<"$table"
}

# What gateways serve is api/openapi.yaml; ./dev fmt puts it right.
served_contract() { /usr/bin/python3 tests/support/openapi_json.py | diff -u api/openapi.json -; }

# Installs the validator of tests/support/openapi into build/openapi, unless it is there.
openapi_validator() {
    local source=tests/support/openapi target=build/openapi
    cmp -s "$source/package-lock.json" "$target/installed" && return 0
    mkdir -p "$target"
    cp "$source/package.json" "$source/package-lock.json" "$target"
    npm ci --prefix "$target" --no-audit --no-fund --ignore-scripts --loglevel=error || return 1
    cp "$source/package-lock.json" "$target/installed"
}

# The schema of OpenAPI itself.
valid_contract() {
    local report
    if ! command -v npm >/dev/null; then
        echo "skipped: npm is not installed, so api/openapi.json is not validated against the schema of OpenAPI"
        return 0
    fi
    openapi_validator || { echo "npm could not install the packages of tests/support/openapi"; return 1; }
    report=$(build/openapi/node_modules/.bin/validate-api api/openapi.json) || { echo "$report"; return 1; }
}

check "format (./dev fmt puts it right)" formatted
check "cppcheck" unless_unchanged cppcheck c_and_settings run_cppcheck
check "clang-tidy" unless_unchanged clang-tidy c_and_settings run_clang_tidy
check "shellcheck" scripts
check "python (flake8, pylint)" unless_unchanged python python_and_settings run_python_linters
check "includes" includes
check "dialect of C" dialect
check "length of files" short_files
check "options in docs/configuration.md" documented_options docs/configuration.md "$program" --help-config=markdown
check "options in docs/ko/configuration.md" documented_options docs/ko/configuration.md \
    /usr/bin/python3 tests/support/korean_options.py "$program"
check "contract in api/openapi.json (./dev fmt puts it right)" served_contract
check "contract by the schema of OpenAPI" valid_contract
[ "$failed" -eq 0 ] && echo "lint: all fine"
exit "$failed"
