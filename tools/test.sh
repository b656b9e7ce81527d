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

# Install what is missing and run all tests: style, types, unit tests on
# every Python found, functional tests, scenarios on a real cloud,
# documentation, sample config.
#
#   tools/test.sh
#
# It asks sudo to be root.

set -euo pipefail
# A libvirtd and the lab, in namespaces of their own, take root.
[ "$(id -u)" = 0 ] || exec sudo -E env "PATH=$PATH" "HOME=$HOME" "$0" "$@"
# shellcheck source=tools/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

summary=()
failed=0

# step NAME COMMAND...: run it, and remember how it ended.
step() {
    local name=$1 start=$SECONDS verdict=passed
    shift
    say "$name"
    "$@" </dev/null || { verdict=FAILED; failed=1; }
    summary+=("$(printf '%-12s %-7s %4d s' "$name" "$verdict" \
        $((SECONDS - start)))")
}

cd "$ROOT"
tools_venv "$ROOT/.tox/tools" tox tox-uv
need_packages demo test lab openstack
let_pbr_know

# The folders of all pythons, so that tox finds each by its name; pyenv's
# own stand-ins for them only work for the one that is chosen.
found=$(pythons)
folders=$(awk '{ sub("/[^/]*$", "", $2); print $2 }' <<<"$found" | paste -sd:)
export PATH=$ROOT/.tox/tools/bin:$folders:$PATH UV_PYTHON_DOWNLOADS=never

step pep8 tox -q run -e pep8
# The first Python is tox's own, with which cover runs the unit tests.
unit=cover$(awk 'NR > 1 { sub("[.]", "", $1); printf ",py%s", $1 }' \
    <<<"$found")
# Two builds at once of this folder would be in each other's way.
step install tox -q run --notest -e "$unit"
step unit tox -q run-parallel -p 2 --skip-pkg-install -e "$unit"
step functional tox -q run -e functional
step lab tox -q run -e lab
step docs tox -q run -e docs
# That the sample is current is a unit test: the words of other libraries in
# it change with their versions.
step genconfig tox -q run -e genconfig -- /dev/null

say 'all tests'
printf '%s\n' "${summary[@]}"
exit $failed
