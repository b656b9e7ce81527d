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

"""The releases of Nova and the engines that tests run with."""

from __future__ import annotations

import os
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
# The oldest and the newest supported release of Nova: the names of venvs
# that tools/nova_venv.sh creates.
RELEASES = ('nova-26', 'nova-latest')
ENGINES = ('sqlite', 'mariadb', 'postgresql')


def nova_python(release: str) -> str:
    """Return the interpreter of a venv with a release of Nova and Cinder."""
    folder = os.environ.get('RBD_MON_FIX_NOVA_VENVS', ROOT / '.tox')
    python = pathlib.Path(folder, release, 'bin', 'python')
    assert python.exists(), f'make it: tools/nova_venv.sh {release}'
    return str(python)
