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

"""Run rbd-mon-fix, and pause it before one statement of a database.

    python -m tests.faults.paused_command NUMBER OUT IN ARGUMENT...

Before statement NUMBER (from 1; a commit counts too), write the statement to
the descriptor OUT, and wait for a byte on the descriptor IN. If there are
fewer statements, the command ends by itself. If NUMBER is 0, write all
statements, and wait for nothing.
"""

from __future__ import annotations

import itertools
import os
import signal
import sys

import sqlalchemy as sa

from rbd_mon_fix.cli import main


def arm(number: int, out: int, back: int) -> None:
    """Pause before this statement."""
    numbers = itertools.count(1)

    def pause(text: str) -> None:
        current = next(numbers)
        if number in (0, current):
            os.write(out, text.encode() + b'\n')
        if number == current:
            os.read(back, 1)

    @sa.event.listens_for(sa.Engine, 'before_cursor_execute')
    def statement(connection, cursor, text, *more: object) -> None:
        pause(' '.join(text.split()))

    @sa.event.listens_for(sa.Engine, 'commit')
    def commit(connection: object) -> None:
        pause('COMMIT')


if __name__ == '__main__':
    # A shell lets what it runs in the background ignore this.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    arm(*map(int, sys.argv[1:4]))
    sys.exit(main.main(sys.argv[4:]))
