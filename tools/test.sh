#!/usr/bin/env bash
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

# Install missing packages and run all tests: style, types, unit tests with
# every Python found, functional tests, scenarios on a real cloud,
# documentation, sample config.
#
#   tools/test.sh [--all-releases]
#
# --all-releases: run the scenarios with the other releases of Debian too, each
# in a root of its own: about an hour more.
#
# Without root, it runs itself with sudo. The scenarios, which mostly wait, run
# beside the other tests; their output follows when they have ended.

set -euo pipefail
# The namespaces of libvirtd and of the lab need root.
[ "$(id -u)" = 0 ] || exec sudo -E env "PATH=$PATH" "HOME=$HOME" "$0" "$@"
# shellcheck source=tools/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

releases=
case ${1:-} in
    '') ;;
    --all-releases) releases='bookworm trixie sid' ;;
    *) echo "usage: $0 [--all-releases]" >&2; exit 2 ;;
esac
summary=()
failed=0
lab=

# step NAME COMMAND...: run a command, and record the result.
step() {
    local name=$1 start=$SECONDS verdict=passed
    shift
    say "$name"
    "$@" </dev/null || { verdict=FAILED; failed=1; }
    summary+=("$(printf '%-12s %-7s %4d s' "$name" "$verdict" \
        $((SECONDS - start)))")
}

# Start the scenarios as a job, whose output goes to a file. Without job
# control, they would ignore SIGINT.
start_lab() {
    set -m
    tox -q run --skip-pkg-install -e lab </dev/null >.tox/lab.log 2>&1 &
    set +m
    lab=$!
    trap stop_lab EXIT
}

stop_lab() {
    kill -TERM "$lab" 2>/dev/null || return 0
    wait "$lab" || true
    # tox runs no commands_post when it is interrupted.
    RBD_MON_FIX_LAB=$ROOT/.tox/lab-state \
        RBD_MON_FIX_LAB_PYTHON=$ROOT/.tox/lab/bin/python lab/down
}

# Wait for the scenarios, and show their output.
end_lab() {
    local code=0
    wait "$lab" || code=$?
    trap - EXIT
    cat .tox/lab.log
    return "$code"
}

cd "$ROOT"
tools_venv "$ROOT/.tox/tools" tox tox-uv
need_packages demo test lab openstack
let_pbr_know

# Put the folder of each Python into PATH, so that tox finds it by name.
# pyenv's shims work only for the selected version.
found=$(pythons)
folders=$(awk '{ sub("/[^/]*$", "", $2); print $2 }' <<<"$found" | paste -sd:)
export PATH=$ROOT/.tox/tools/bin:$folders:$PATH UV_PYTHON_DOWNLOADS=never

step pep8 tox -q run -e pep8
# The first Python is tox's own; cover runs the unit tests with it.
unit=cover$(awk 'NR > 1 { sub("[.]", "", $1); printf ",py%s", $1 }' \
    <<<"$found")
# Two builds of this folder at the same time would conflict.
step install tox -q run --notest -e "$unit,functional,lab"
start_lab
step unit tox -q run-parallel -p 2 --skip-pkg-install -e "$unit"
step functional tox -q run --skip-pkg-install -e functional
step lab end_lab
for release in $releases; do
    # shellcheck source=/dev/null
    [ "$release" = "$(. /etc/os-release; echo "$VERSION_CODENAME")" ] ||
        step "lab-$release" tox -q run -e "lab-$release"
done
step docs tox -q run -e docs
# A unit test compares our part of the sample config; the part of other
# libraries changes with their versions.
step genconfig tox -q run -e genconfig -- /dev/null

say 'all tests'
printf '%s\n' "${summary[@]}"
exit $failed
