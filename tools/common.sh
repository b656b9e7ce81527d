# shellcheck shell=bash
# Copyright The rbd-mon-fix authors
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

# Functions for the scripts in this folder; source this file.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
POLICY=/usr/sbin/policy-rc.d

say() {
    printf '\n=== %s\n' "$*"
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# Keep the services of new packages from starting until the calling subshell
# ends: Debian's invoke-rc.d runs this policy file first.
hold_services() {
    trap release_services EXIT
    [ ! -e "$POLICY" ] || as_root mv "$POLICY" "$POLICY.kept"
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$POLICY" >/dev/null
    as_root chmod 755 "$POLICY"
}

release_services() {
    as_root rm -f "$POLICY"
    [ ! -e "$POLICY.kept" ] || as_root mv "$POLICY.kept" "$POLICY"
}

# install_packages NAME...: install with the system's package manager. Output
# is shown only on failure.
install_packages() {
    local log
    log=$(mktemp)
    say "installing $*"
    if command -v apt-get >/dev/null; then
        apt_install "$@"
    elif command -v dnf >/dev/null; then
        as_root dnf -y --setopt=install_weak_deps=False install "$@"
    else
        echo "there is neither apt-get nor dnf; please install: $*"
        false
    fi </dev/null >"$log" 2>&1 || { tail -n 40 "$log"; exit 2; }
    rm -f "$log"
}

apt_install() (
    hold_services &&
    as_root apt-get -o DPkg::Lock::Timeout=300 update &&
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -y \
        -o DPkg::Lock::Timeout=300 install --no-install-recommends "$@"
)

# Print each Python from 3.9 on that can make a venv, one for each version:
# "3.11 /usr/bin/python3.11". The python3 in PATH comes first, or, if it
# belongs to a venv, the Python that made the venv.
pythons() {
    local candidate
    for candidate in python3 python3.{14,13,12,11,10,9} \
            "$HOME"/.pyenv/versions/3.*/bin/python3; do
        "$candidate" -c '
import ensurepip, os, sys, venv
if (3, 9) <= sys.version_info[:2] <= (3, 14):
    print("%d.%d" % sys.version_info[:2], os.path.realpath(sys.executable))' 2>/dev/null || true
    done | awk '!seen[$1]++'
}

# Print a Python that can make a venv; install one if there is none.
default_python() {
    local found
    found=$(pythons | awk 'NR == 1 { print $2 }')
    if [ -z "$found" ]; then
        install_packages "$(command -v apt-get >/dev/null &&
            echo python3-venv || echo python3)" >&2
        found=$(pythons | awk 'NR == 1 { print $2 }')
    fi
    echo "${found:?no Python 3.9 or newer could be installed}"
}

# tools_venv DIR PACKAGE...: make a venv with uv, bindep and more tools.
tools_venv() {
    local folder=$1
    shift
    [ -x "$folder/bin/uv" ] || "$(default_python)" -m venv "$folder"
    "$folder/bin/python" -m pip -q --disable-pip-version-check install \
        uv bindep "$@"
    PATH=$folder/bin:$PATH
}

# need_packages PROFILE...: install the missing packages in bindep.txt.
need_packages() {
    local missing
    missing=$(bindep -b -f "$ROOT/bindep.txt" "$@" || true)
    # shellcheck disable=SC2086  # a word for each package
    [ -z "$missing" ] || install_packages $missing
}

# venv PYTHON DIR: make an empty venv, unless it exists.
venv() {
    [ -x "$2/bin/python" ] || "$1" -m venv "$2"
}

# pip_install DIR REQUIREMENT...: install into a venv. uv takes seconds, pip
# minutes.
pip_install() {
    local folder=$1
    shift
    if command -v uv >/dev/null; then
        uv pip install -q -p "$folder/bin/python" "$@"
    else
        "$folder/bin/python" -m pip -q install "$@"
    fi
}

# Let pbr read the version from git, also in a clone that belongs to another
# user; set the version if there is no git repository.
let_pbr_know() {
    export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory
    export GIT_CONFIG_VALUE_0=$ROOT
    git -C "$ROOT" rev-parse -q --verify HEAD >/dev/null 2>&1 ||
        export PBR_VERSION=0.1.0
}
