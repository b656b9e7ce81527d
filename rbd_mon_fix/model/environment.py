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

"""The environment of child processes, and errors in starting them."""

from __future__ import annotations

import errno
from typing import Mapping

_KEPT = ('HOME', 'LOGNAME', 'PATH', 'TMPDIR', 'TZ', 'USER')

_UNUSABLE = (errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.EPERM,
             errno.ENOEXEC, errno.ELOOP, errno.ENAMETOOLONG)


def of_child(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for a child: nothing but a few variables.

    Passwords and tokens are in ``OS_*``, and may be in any other variable.
    ``CEPH_CONF``, ``CEPH_ARGS`` and ``CEPH_KEYRING`` in the shell of an
    operator could lead to another cluster than those of Nova and Cinder,
    whose services do not have them. ``LD_*`` and ``PYTHON*`` that suit this
    command's own venv do not suit system programs. libvirt passes as little
    to its children, except for ``LD_*`` (virCommandAddEnvPassCommon in
    src/util/vircommand.c), and sudo as little to us.

    The locale is C: some messages are parsed.

    :param environ: the environment of this process
    """
    kept = {name: environ[name] for name in _KEPT if name in environ}
    return {**kept, 'LC_ALL': 'C'}


def is_unusable(error: OSError) -> bool:
    """Return whether the program itself is why it cannot be started.

    Otherwise this process lacks something, such as open files or memory, and
    installing the program would not help.
    """
    return error.errno in _UNUSABLE
