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

# Functions for the lab's commands; source this file.

# shellcheck source=tools/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/../tools/common.sh"

[ "$(id -u)" = 0 ] || { echo "the lab needs root: sudo $0" >&2; exit 2; }

# Print the Python that runs the lab's own programs: that of the calling test
# environment, or else one with rbd-mon-fix and the tests' requirements.
lab_python() {
    echo "${RBD_MON_FIX_LAB_PYTHON:-$ROOT/.tox/lab-command/bin/python}"
}

# The file in a root that lists what it was made with.
PACKAGES=etc/lab-packages

# The lab's folder.
lab_folder() {
    realpath -m "${RBD_MON_FIX_LAB:-$ROOT/lab/state}"
}

# read_options ARGUMENT...: set RELEASE, which is empty for this machine's own
# files, HOSTS, and LEVEL.
read_options() {
    RELEASE='' HOSTS=1 LEVEL=ceph
    while [ $# != 0 ]; do
        case $1 in
            --release) RELEASE=${2:?"--release needs a name"}; shift ;;
            --release=*) RELEASE=${1#*=} ;;
            --hosts) HOSTS=${2:?"--hosts needs a number"}; shift ;;
            --hosts=*) HOSTS=${1#*=} ;;
            ceph|openstack) LEVEL=$1 ;;
            *) echo "usage: $0 [--release bookworm|trixie|sid]" \
                    "[--hosts 1|2] [ceph|openstack]" >&2; exit 2 ;;
        esac
        shift
    done
    # shellcheck source=/dev/null
    [ "$RELEASE" != "$(. /etc/os-release; echo "$VERSION_CODENAME")" ] ||
        RELEASE=''
}

# install_lab: install everything that RELEASE needs, up to LEVEL.
install_lab() {
    local profiles=(demo test lab)
    [ "$LEVEL" = ceph ] || profiles+=(openstack)
    [ -z "$RELEASE" ] || profiles=(root)
    tools_venv "$ROOT/.tox/tools"
    if ! bindep -b -f "$ROOT/bindep.txt" "${profiles[@]}" >/dev/null; then
        # The lower layer of an overlay must not change.
        ! lab_is_up || { echo 'packages are missing: run lab/down first' >&2
                         exit 2; }
        need_packages "${profiles[@]}"
    fi
    let_pbr_know
    if [ -z "${RBD_MON_FIX_LAB_PYTHON:-}" ]; then
        venv "$(default_python)" "$ROOT/.tox/lab-command"
        pip_install "$ROOT/.tox/lab-command" "$ROOT" \
            -r "$ROOT/test-requirements.txt"
    fi
    [ -z "$RELEASE" ] || lab_is_up || install_root
}

# install_root: make the root of RELEASE in the lab's folder, unless there is one
# with the same packages, and install rbd-mon-fix into it. All else in it is
# from Debian.
install_root() {
    local root wheels packages
    root=$(lab_folder)/roots/$RELEASE
    packages=$(bindep -b -l newline -f "$ROOT/bindep.txt" \
        demo test lab openstack scenarios | sort -u | paste -sd,)
    [ "$(cat "$root/$PACKAGES" 2>/dev/null)" = "$packages" ] ||
        make_root "$root" "$packages"
    wheels=$(mktemp -d)
    uv build -q --wheel -o "$wheels" "$ROOT"
    rm -rf "$root/tmp/wheels"
    mv "$wheels" "$root/tmp/wheels"
    chroot "$root" /bin/sh -ec '
        [ -x /opt/rbd-mon-fix/bin/python ] ||
            python3 -m venv --system-site-packages /opt/rbd-mon-fix
        /opt/rbd-mon-fix/bin/python -m pip -q install --no-index --no-deps \
            --force-reinstall /tmp/wheels/*.whl'
}

# make_root FOLDER PACKAGES: make a root of RELEASE; one that is there goes.
make_root() {
    local options=()
    # The signature of an unstable release's index ends after a week.
    [ "$RELEASE" != sid ] ||
        options=(--aptopt='Acquire::Check-Valid-Until "false"')
    say "making a root of $RELEASE"
    mkdir -p "$(dirname "$1")"
    rm -rf "$1.new"
    mmdebstrap --quiet --variant=apt --include="$2" "${options[@]}" \
        "$RELEASE" "$1.new" ${RBD_MON_FIX_LAB_MIRROR:+"$RBD_MON_FIX_LAB_MIRROR"}
    echo "$2" > "$1.new/$PACKAGES"
    rm -rf "$1"
    mv "$1.new" "$1"
}

lab_is_up() {
    [ -x "$(lab_python)" ] &&
        PYTHONPATH=$ROOT "$(lab_python)" -m lab shell true 2>/dev/null
}

# in_lab COMMAND ARGUMENT...: run a command of "python -m lab".
in_lab() {
    local python
    python=$(lab_python)
    [ -x "$python" ] || { echo 'there is no lab yet: run lab/up' >&2; exit 2; }
    PYTHONPATH=$ROOT exec "$python" -m lab "$@"
}
