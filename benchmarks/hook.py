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

"""How long libvirt waits for the hook."""

from __future__ import annotations

import pathlib
import statistics
import subprocess
import time
from typing import Iterator

from benchmarks.figures import Figure
from tests.unit.hook import hosts

BOUND = 50.0
ROUNDS = 50
XML = (pathlib.Path(__file__).parents[1] / 'tests' / 'unit' / 'samples'
       / 'domain-managedsave.xml').read_bytes()


def figures(folder: pathlib.Path) -> Iterator[Figure]:
    """Measure a call that returns the XML, and one that has nothing to do.

    :param folder: an empty working folder
    """
    script = hosts.install(folder, hosts.A, hosts.B).script
    for step, corrects in (('restore', True), ('start', False)):
        if (hosts.RIGHT[0].host.encode() in _call(script, step)) != corrects:
            raise RuntimeError(f'the hook did not do its work at {step}')
        times = [1000 * _seconds(script, step) for _ in range(ROUNDS)]
        yield Figure(
            f'hook, {step} begin', statistics.median(times), BOUND, 'ms',
            f'median of {ROUNDS}; {min(times):.1f} to {max(times):.1f} ms')


def _seconds(script: str, step: str) -> float:
    began = time.perf_counter()
    _call(script, step)
    return time.perf_counter() - began


def _call(script: str, step: str) -> bytes:
    """Call the hook as libvirt does, and return what it prints."""
    return subprocess.run([script, 'guest', step, 'begin', '-'], input=XML,
                          check=True, stdout=subprocess.PIPE).stdout
