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

# install_lab LEVEL: install everything that the lab needs, up to a level.
install_lab() {
    local profiles=(demo test lab)
    case $1 in
        ceph) ;;
        openstack) profiles+=(openstack) ;;
        *) echo "usage: $0 [ceph|openstack]" >&2; exit 2 ;;
    esac
    tools_venv "$ROOT/.tox/tools"
    if ! bindep -b -f "$ROOT/bindep.txt" "${profiles[@]}" >/dev/null; then
        # The lower layer of an overlay must not change.
        ! lab_is_up || { echo 'packages are missing: run lab/down first' >&2
                         exit 2; }
        need_packages "${profiles[@]}"
    fi
    [ -z "${RBD_MON_FIX_LAB_PYTHON:-}" ] || return 0
    let_pbr_know
    venv "$(default_python)" "$ROOT/.tox/lab-command"
    pip_install "$ROOT/.tox/lab-command" "$ROOT" \
        -r "$ROOT/test-requirements.txt"
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
