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

"""How long libvirt waits for the hook: whole processes, best and worst case.

Run it from the repository: ``python -m benchmarks.hook``
"""

from __future__ import annotations

import pathlib
import statistics
import subprocess
import tempfile
import time

from tests.unit.hook import hosts

ROUNDS = 50
XML = (pathlib.Path(__file__).parents[1] / 'tests' / 'unit' / 'samples'
       / 'domain-managedsave.xml').read_bytes()


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        hook = hosts.install(pathlib.Path(folder), hosts.A, hosts.B)
        for step in ('restore', 'start'):
            times = [_call(hook.script, step) for _ in range(ROUNDS)]
            print(f'{step} begin: {1000 * min(times):.1f} to '
                  f'{1000 * max(times):.1f} ms, median '
                  f'{1000 * statistics.median(times):.1f} ms')


def _call(script: str, step: str) -> float:
    began = time.perf_counter()
    subprocess.run([script, 'guest', step, 'begin', '-'], input=XML,
                   check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


if __name__ == '__main__':
    main()
