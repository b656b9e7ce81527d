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

# What the lab's commands have in common; made to be sourced by them.

# shellcheck source=tools/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/../tools/common.sh"

# What the lab's own programs run with: the Python of the test environment
# that calls, or else one with rbd-mon-fix and the tests' requirements.
lab_python() {
    echo "${RBD_MON_FIX_LAB_PYTHON:-$ROOT/.tox/lab-command/bin/python}"
}

install_lab() {
    tools_venv "$ROOT/.tox/tools"
    need_packages demo test "$@"
    [ -z "${RBD_MON_FIX_LAB_PYTHON:-}" ] || return 0
    let_pbr_know
    venv "$(default_python)" "$ROOT/.tox/lab-command"
    pip_install "$ROOT/.tox/lab-command" "$ROOT" \
        -r "$ROOT/test-requirements.txt"
}

# in_lab COMMAND ARGUMENT...: one of "python -m lab", as root.
in_lab() {
    local python
    python=$(lab_python)
    [ -x "$python" ] || { echo 'there is no lab yet: lab/up' >&2; exit 2; }
    [ "$(id -u)" = 0 ] || { echo 'the lab takes root' >&2; exit 2; }
    PYTHONPATH=$ROOT exec "$python" -m lab "$@"
}
