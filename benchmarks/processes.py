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

"""Run whole processes and measure their time and memory."""

from __future__ import annotations

import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Callable, Optional, Sequence

from benchmarks.figures import Figure

REPOSITORY = pathlib.Path(__file__).resolve().parents[1]
PEAK = str(REPOSITORY / 'benchmarks' / 'peak.py')

Command = Sequence[str]


def ours(*words: str) -> Command:
    """Return the command line of rbd-mon-fix."""
    return [sys.executable, '-m', 'rbd_mon_fix', *words]


def python(*words: str) -> Command:
    """Return the command line of a script, run by the same Python."""
    return [sys.executable, *words]


def run(command: Command, codes: Sequence[int] = (0,)) -> None:
    """Run a command and discard its output.

    :param codes: the expected exit codes
    :raises RuntimeError: the command ended with another exit code
    """
    done = subprocess.run(
        command, cwd=REPOSITORY, env=_environment(), stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if done.returncode not in codes:
        raise RuntimeError(
            f'{" ".join(command)} ended with {done.returncode}:\n'
            f'{done.stderr}')


def compare(what: str, bound: Optional[float], rounds: int,
            first: Callable[[], float], second: Callable[[], float],
            ) -> Figure:
    """Return the ratio of the first duration to the second.

    The two take turns, so a machine that slows down slows both. Each is called
    once beforehand to fill the caches.

    :param first: returns its seconds, and so does the second
    """
    first(), second()
    pairs = [(first(), second()) for _ in range(rounds)]
    ratio = statistics.median(one / other for one, other in pairs)
    medians = [f'{statistics.median(times):.3f} s' for times in zip(*pairs)]
    return Figure(what, ratio, bound, 'times',
                  f'{" against ".join(medians)}, medians of {rounds}')


def seconds(command: Command, codes: Sequence[int] = (0,)) -> float:
    """Return the duration of a command.

    :param codes: the expected exit codes
    :raises RuntimeError: the command ended with another exit code
    """
    begin = time.perf_counter()
    run(command, codes)
    return time.perf_counter() - begin


def peak(command: Command, codes: Sequence[int]) -> float:
    """Return the peak memory of a command, in MiB."""
    with tempfile.NamedTemporaryFile('r') as file:
        run([sys.executable, PEAK, file.name, *command], codes)
        return int(file.read()) / 1024


def _environment() -> dict[str, str]:
    """Return an environment that caches bytecode, as an installation does."""
    return {name: value for name, value in os.environ.items()
            if name != 'PYTHONDONTWRITEBYTECODE'}
