#!/usr/bin/env bash
# make interop: Node with npm's "soap" and HL7 client, then the conformance run and our HL7 door against them. What cannot be had is said, and the exit is 1.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '%s\n' "$*" >&2; }

node_ok() { command -v node >/dev/null && command -v npm >/dev/null && node -e 'process.exit(parseInt(process.versions.node) >= 18 ? 0 : 1)'; }

if ! node_ok; then
    if [ "$(id -u)" = 0 ]; then as_root=""
    elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then as_root="sudo"
    else
        say "缺少 Node 18 以上和 npm，请先安装 / please install first:  apt-get install nodejs npm"
        exit 1
    fi
    say "安装 / installing: nodejs npm"
    export DEBIAN_FRONTEND=noninteractive
    $as_root apt-get update -qq
    $as_root apt-get install -y -qq --no-install-recommends nodejs npm >/dev/null
fi

stamp=simulators/node/node_modules/.installed
if ! cmp -s simulators/node/package-lock.json "$stamp"; then
    if ! (cd simulators/node && npm ci --ignore-scripts --no-audit --no-fund --silent); then
        say "npm 的软件仓库不可达或安装失败，互通测试未做 / npm's registry cannot be reached, or the installation failed: not tested"
        exit 1
    fi
    cp simulators/node/package-lock.json "$stamp"
fi
exec .venv/bin/python -m tests.interop
