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

"""The long run: coverage-guided contents for every reader.

``python -m tests.faults.fuzz --seconds N [--reader NAME]`` needs atheris. It
gives each reader N seconds in a process of its own, writes the contents of
crashes to a folder, and prints the counts as JSON, with the seconds of CPU
time that all of them took: fewer where other work runs. The exit code is 1 if
a reader crashed.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import json
import pathlib
import re
import resource
import subprocess
import sys
import tempfile
import time
from typing import Sequence

from tests.faults import readers

# What libFuzzer says at its end.
_EXECUTED = re.compile(r'stat::number_of_executed_units:\s*(\d+)')


def main(words: Sequence[str]) -> int:
    """Fuzz readers, and print the counts."""
    given = _parser().parse_args(words)
    folder = given.folder or pathlib.Path(tempfile.mkdtemp(prefix='fuzz-'))
    with concurrent.futures.ThreadPoolExecutor(given.jobs) as pool:
        counts = dict(pool.map(
            lambda name: (name, _count(name, given.seconds, folder / name)),
            given.reader or list(readers.READERS)))
    print(json.dumps({
        'seconds': given.seconds, 'cpu_seconds': round(_cpu_seconds(), 1),
        'folder': str(folder), 'readers': counts,
        **{key: sum(each[key] for each in counts.values())
           for key in ('executions', 'crashes')}}, indent=1))
    return int(any(each['crashes'] for each in counts.values()))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--seconds', type=int, required=True,
                        help='for each reader')
    parser.add_argument('--reader', action='append',
                        choices=list(readers.READERS), help='repeatable')
    parser.add_argument('--jobs', type=int, default=1, help='at the same time')
    parser.add_argument('--folder', type=pathlib.Path,
                        help='for contents; kept')
    return parser


def _count(name: str, seconds: int, folder: pathlib.Path) -> dict[str, int]:
    """Fuzz one reader in a process of its own.

    Contents of earlier crashes stay in the folder, and do not count.
    """
    started = time.time()
    for part in ('corpus', 'crashes'):
        (folder / part).mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [sys.executable, '-m', 'tests.faults.guided', name, str(seconds),
         str(folder)],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, errors='replace')
    (folder / 'log').write_text(done.stdout)
    executed = _EXECUTED.search(done.stdout)
    crashes = sum(each.stat().st_mtime >= started
                  for each in (folder / 'crashes').glob('*.txt'))
    return {'executions': int(executed.group(1)) if executed else 0,
            'crashes': crashes + bool(done.returncode or not executed)}


def _cpu_seconds() -> float:
    """Return the CPU time of the readers' processes, which have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
