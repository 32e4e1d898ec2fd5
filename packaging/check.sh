#!/usr/bin/env bash
# The gates. All of them run, whatever one of them says; the exit status is the worst.
set -u
cd "$(dirname "$0")/.." && mkdir -p .run
status=0
run() { printf '%s\n' "-- $1"; shift; "$@" || status=1; }
run "ruff check" .venv/bin/ruff check --quiet .
run "ruff format" .venv/bin/ruff format --check --quiet .
run "mypy --strict" .venv/bin/mypy
run "import contracts" bash -c '.venv/bin/lint-imports --config setup.cfg --no-cache > .run/imports.txt 2>&1 || { cat .run/imports.txt; exit 1; }'
run "generated pages" .venv/bin/python run.py docs --check
[ "$status" = 0 ] && printf '%s\n' "all gates are green"
exit "$status"
