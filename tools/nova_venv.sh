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

# Make a venv with Nova and Cinder of one release, for their schemas.
#
#   tools/nova_venv.sh nova-26|nova-latest [FOLDER]
#
# The venv is FOLDER/nova-...; the default FOLDER is .tox. A complete venv is
# left as it is. PYTHON names the interpreter to use.

set -euo pipefail
# shellcheck source=tools/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

release=${1:-}
target=${2:-$ROOT/.tox}/$release

case $release in
    # Zed, with older libraries where it fails with newer ones.
    nova-26) packages=('nova>=26,<27' 'cinder>=21,<22' 'SQLAlchemy<2'
                       'oslo.utils<7' 'setuptools<80') ;;
    nova-latest) packages=(nova cinder) ;;
    *) echo "usage: $0 nova-26|nova-latest [FOLDER]" >&2; exit 2 ;;
esac

[ ! -e "$target/complete" ] || exit 0
rm -rf "$target"
venv "${PYTHON:-$(default_python)}" "$target"
pip_install "$target" "${packages[@]}" PyMySQL psycopg2-binary
touch "$target/complete"
