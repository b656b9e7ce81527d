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

"""A command that is paused before one statement, to disturb it there."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import tempfile
from typing import Iterator, Optional, Sequence

from tests.functional import operator

# Seconds until the statement is reached, or the command has ended.
BOUND = 120.0


class Paused:
    """A running command.

    :param statement: that it is about to execute; None if it ends before
    """

    def __init__(self, process: subprocess.Popen[str],
                 statement: Optional[str], resume: int):
        self.statement = statement
        self._process = process
        self._resume = resume

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    def go(self) -> None:
        """Let the command go on."""
        with contextlib.suppress(BrokenPipeError):
            os.write(self._resume, b'.')

    def wait_for(self, words: str) -> None:
        """Wait until the command has said something on stderr."""
        file, said = self._process.stderr.fileno(), ''
        while words not in said:
            ready, _, _ = select.select([file], [], [], BOUND)
            more = os.read(file, 1 << 16).decode() if ready else ''
            assert more, f'only said {said!r}'
            said += more

    def end(self) -> operator.Answer:
        """Let the command go on, and wait for its end."""
        self.go()
        out, err = self._process.communicate(timeout=BOUND)
        return operator.Answer(self._process.returncode, out, err)


def statements(admin: operator.Operator, words: Sequence[str]) -> list[str]:
    """Run a command, and return the statements that it executes."""
    with tempfile.TemporaryFile('w+') as told:
        done = subprocess.run(
            [*_program(0, told.fileno(), 0), str(admin.config), *words],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, timeout=BOUND, pass_fds=[told.fileno()])
        assert done.returncode == 0, done
        told.seek(0)
        return told.read().splitlines()


def _program(number: int, out: int, back: int) -> list[str]:
    return [sys.executable, '-m', 'tests.faults.paused_command', str(number),
            str(out), str(back), '--config-file']


@contextlib.contextmanager
def before(number: int, admin: operator.Operator, words: Sequence[str]
           ) -> Iterator[Paused]:
    """Run a command up to a statement.

    :param number: of the statement, from 1
    """
    told, tell = os.pipe()
    back, resume = os.pipe()
    process = subprocess.Popen(
        [*_program(number, tell, back), str(admin.config), *words],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, pass_fds=(tell, back))
    os.close(tell)
    os.close(back)
    try:
        ready, _, _ = select.select([told], [], [], BOUND)
        assert ready, 'neither reached the statement nor ended'
        statement = os.read(told, 1 << 16).decode().strip()
        yield Paused(process, statement or None, resume)
    finally:
        process.kill()
        process.wait()
        os.close(told)
        os.close(resume)
