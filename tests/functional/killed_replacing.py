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

"""Replace a file of a server and be killed while doing so.

    python -m tests.functional.killed_replacing MOMENT FOLDER SERVER

The script adds a line to SERVER's unrescue.xml. MOMENT counts the system
calls that change something; half of the moments are just before a call, the
others just after. If MOMENT is beyond the last call, the script ends by
itself.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any, Callable

from rbd_mon_fix.clients import folder

CALLS = ('unlink', 'fchown', 'fchmod', 'setxattr', 'fsync', 'replace')
ADDED = b'<!-- new -->\n'


def arm(moment: int) -> None:
    """Make the process kill itself at this moment."""
    seen = 0

    def tick() -> None:
        nonlocal seen
        if seen == moment:
            os.kill(os.getpid(), signal.SIGKILL)
        seen += 1

    def armed(call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            tick()
            try:
                return call(*args, **kwargs)
            finally:
                tick()
        return wrapped

    for name in CALLS:
        setattr(os, name, armed(getattr(os, name)))


def main(moment: str, parent: str, server: str) -> None:
    """Replace the file."""
    with folder.opened(parent, server) as place:
        old = place.read('unrescue.xml', 4 << 20)
        arm(int(moment))
        place.replace('unrescue.xml', old, old + ADDED)


if __name__ == '__main__':
    main(*sys.argv[1:])
