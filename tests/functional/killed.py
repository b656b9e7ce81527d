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

"""Run rbd-mon-fix and kill it at one moment of its journal.

    python -m tests.functional.killed MOMENT ARGUMENT...

MOMENT counts the writes to the journal; half of the moments are just
before a write, the others just after. Between two writes the command
performs the action that the journal describes. If MOMENT is beyond the last
write, the command ends by itself.
"""

from __future__ import annotations

import os
import signal
import sys

from rbd_mon_fix.cli import main
from rbd_mon_fix.state import journal_writer


def arm(moment: int) -> None:
    """Make the journal kill the process at this moment."""
    write = journal_writer.Writer._write
    seen = 0

    def tick() -> None:
        nonlocal seen
        if seen == moment:
            os.kill(os.getpid(), signal.SIGKILL)
        seen += 1

    def armed(self, lines) -> None:
        tick()
        write(self, lines)
        tick()

    journal_writer.Writer._write = armed


if __name__ == '__main__':
    arm(int(sys.argv[1]))
    sys.exit(main.main(sys.argv[2:]))
