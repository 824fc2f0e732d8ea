#!/usr/bin/env bash
# Sets up a checkout: Debian packages, .venv with the pinned Python packages, native parts, plugins.
# Does nothing, at once and without a network, when all of it stands already.
set -euo pipefail
cd "$(dirname "$0")/.."

PACKAGES=(python3 python3-venv python3-dev g++ make pkg-config libsimdjson-dev zlib1g-dev libzstd-dev)
# Live capture and its tests; without them all else works, and the tests say what they skip.
WANTED=(python3-bpfcc "linux-headers-$(dpkg --print-architecture 2>/dev/null || true)" curl strace tmux)
PYTHON=${FALCOWB_PYTHON:-/usr/bin/python3}
STAMP=.venv/.set-up

export PYTHONWARNINGS=ignore # of setuptools about its own future

say() { printf '\033[1m%s\033[0m\n' "falcowb: $*"; }
fail() { printf 'falcowb: %s\n' "$*" >&2; exit 1; }

# Everything that shapes the environment or the native code; a change of any of it sets up anew.
fingerprint() {
    {
        pwd
        cat pyproject.toml constraints.txt setup.py tools/setup.sh
        find plugins capture engine -type f \
            \( -name '*.c' -o -name '*.cpp' -o -name '*.h' -o -name '*.hpp' -o -name 'build*.py' \) \
            -print0 | sort -z | xargs -0 cat
        cat plugins/k8s_audit/*.py plugins/sdk/*.py
    } | sha256sum | cut -d' ' -f1
}

missing_packages() {
    local package
    for package in "$@"; do
        [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
            printf '%s ' "$package"
    done
}

built() {
    compgen -G 'plugins/host/_native*.so' >/dev/null && compgen -G 'capture/scap/_native*.so' >/dev/null &&
        compgen -G 'engine/state/_native*.so' >/dev/null &&
        compgen -G 'capture/syscalls/_native*.so' >/dev/null && [ -e plugins/k8s_audit/k8s_audit.so ]
}

want=$(fingerprint)
if [ -x .venv/bin/falcowb ] && [ "$(cat $STAMP 2>/dev/null)" = "$want" ] && built; then
    exit 0
fi

command -v dpkg-query >/dev/null ||
    fail "this is not Debian or Ubuntu; install the like of: ${PACKAGES[*]}, then see CONTRIBUTING.md"
missing=$(missing_packages "${PACKAGES[@]}")
if [ -n "$missing" ]; then
    if [ "$(id -u)" != 0 ]; then
        fail "these system packages are missing; run: sudo apt-get install ${missing% }"
    fi
    say "installing system packages: ${missing% }"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    # shellcheck disable=SC2086
    apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi
wanted=$(missing_packages "${WANTED[@]}")
if [ -n "$wanted" ] && [ "$(id -u)" = 0 ]; then
    apt-get update -qq || true
fi
for package in $wanted; do
    if [ "$(id -u)" != 0 ]; then
        say "live capture would need: sudo apt-get install $package"
    elif apt-cache show "$package" >/dev/null 2>&1; then
        say "installing $package, for live capture"
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$package" \
            >/dev/null || say "$package could not be installed; live capture may not work"
    fi
done

"$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "$PYTHON is $("$PYTHON" -V); 3.11 or newer is needed (name one with FALCOWB_PYTHON=…)"

if ! .venv/bin/python -c '' 2>/dev/null; then
    say "making .venv"
    rm -rf .venv
    "$PYTHON" -m venv .venv
fi
say "installing Python packages"
.venv/bin/python -m pip install -q --disable-pip-version-check -c constraints.txt setuptools wheel cffi
say "building native parts"
.venv/bin/python -m pip install -q --disable-pip-version-check --no-build-isolation \
    -c constraints.txt -e '.[dev]'
.venv/bin/python plugins/host/build_native.py
say "building the bundled plugin k8s_audit"
.venv/bin/python -m plugins.sdk.build plugins/k8s_audit
echo "$want" >$STAMP
say "ready"
