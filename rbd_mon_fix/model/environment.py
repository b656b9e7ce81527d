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

"""The environment of child processes."""

from __future__ import annotations

from typing import Mapping


def of_child(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for a child, without credentials.

    Keystone's ``OS_*`` variables may hold a password or a token, and no child
    needs them. The locale is C: some messages are parsed.

    :param environ: the environment of this process
    """
    kept = {name: value for name, value in environ.items()
            if not name.startswith('OS_')}
    return {**kept, 'LC_ALL': 'C'}
