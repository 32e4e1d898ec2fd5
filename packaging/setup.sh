#!/usr/bin/env bash
# What the other targets call first. Idempotent, and quick when nothing is missing.
# Installs Debian packages only with root or a sudo that asks for no password; says what to do otherwise.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '%s\n' "$*" >&2; }

# package  what it is needed for (a file or command that shows that it is there)
needed() {
    command -v pcscd >/dev/null || [ -x /usr/sbin/pcscd ] || echo pcscd
    [ -e /usr/lib/pcsc/drivers/serial/libifdvpcd.so ] || echo vsmartcard-vpcd
    [ -e /usr/include/PCSC/winscard.h ] || echo libpcsclite-dev
    command -v cc >/dev/null || echo gcc
    command -v cc >/dev/null || echo libc6-dev
    command -v softhsm2-util >/dev/null || echo softhsm2  # a token for the tests of keys in an HSM
    command -v openssl >/dev/null || echo openssl         # with libcrypto.so.3, which signs with SM2
    command -v unshare >/dev/null || echo util-linux
    ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || echo postgresql-15  # the tests' own cluster, in a scratch folder
    command -v pg_dump >/dev/null || echo postgresql-client-15                 # backup and restore
    python_ok || { echo python3; echo python3-venv; echo python3-dev; }
}

# Python with a venv module that works and headers to build pyscard with
python_ok() {
    python3 - <<'PY' >/dev/null 2>&1
import ensurepip, os, sys, sysconfig, venv
assert sys.version_info >= (3, 11)
assert os.path.exists(os.path.join(sysconfig.get_paths()["include"], "Python.h"))
PY
}

# Debian makes and starts a "main" cluster when the server is installed. The tests need the programs, nobody a server that
# listens: this file says so while the package is installed, and goes again. One that a site already has is left as it is.
no_cluster=/etc/postgresql-common/createcluster.d/yikatong.conf
guard_clusters() {
    # shellcheck disable=SC2064
    trap "$as_root rm -f $no_cluster" EXIT
    $as_root mkdir -p "${no_cluster%/*}"
    printf '%s\n' "create_main_cluster = false" | $as_root tee "$no_cluster" >/dev/null
}

packages=$(needed | sort -u | tr '\n' ' ')
if [ -n "${packages// /}" ]; then
    if [ "$(id -u)" = 0 ]; then as_root=""
    elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then as_root="sudo"
    else
        say "缺少软件包，请先安装 / please install first:  apt-get install $packages"
        exit 1
    fi
    say "安装 / installing: $packages"
    export DEBIAN_FRONTEND=noninteractive
    $as_root apt-get update -qq
    case $packages in *postgresql-15*) guard_clusters ;; esac
    # shellcheck disable=SC2086
    $as_root apt-get install -y -qq --no-install-recommends $packages >/dev/null
fi

stamp=.venv/.installed
if [ ! -e "$stamp" ] || ! cmp -s requirements.lock "$stamp"; then
    say "准备 .venv / preparing .venv"
    [ -x .venv/bin/python ] || python3 -m venv .venv
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input -r requirements.lock
    cp requirements.lock "$stamp"
fi
