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

"""Fuzz one reader in this process; ``fuzz`` starts it.

The arguments are the name of a reader, seconds and a folder. The contents of
crashes are written to the folder, once for each place.
"""

from __future__ import annotations

import pathlib
import sys
import traceback
from typing import Callable

import atheris

with atheris.instrument_imports(include=['rbd_mon_fix']):
    from tests.faults import readers
from tests.faults import mutations

# libFuzzer ends a process that takes much longer than a reader may, or much
# memory; that is a crash, and nothing more is read.
_LIMITS = (f'-max_len={readers.LENGTH}', '-timeout=60', '-rss_limit_mb=4096')


def fuzz(reader: readers.Reader, seconds: str, folder: pathlib.Path) -> None:
    """Fuzz a reader in this process, which ends with it."""
    for number, seed in enumerate(reader.seeds):
        (folder / 'corpus' / f'seed-{number}').write_bytes(seed)
    for number, token in enumerate(mutations.TOKENS):
        (folder / 'corpus' / f'token-{number}').write_bytes(token)
    (folder / 'tokens').write_text(''.join(
        f'"{_escaped(token)}"\n' for token in mutations.TOKENS if token))
    atheris.Setup(
        [sys.argv[0], f'-max_total_time={seconds}', *_LIMITS,
         '-print_final_stats=1', f'-dict={folder / "tokens"}',
         f'-artifact_prefix={folder}/crashes/', str(folder / 'corpus')],
        _recorded(reader, folder / 'crashes'))
    atheris.Fuzz()


def _escaped(token: bytes) -> str:
    return ''.join(f'\\x{byte:02x}' for byte in token[:60])


def _recorded(reader: readers.Reader,
              folder: pathlib.Path) -> Callable[[bytes], None]:
    """Return a test that writes each crash down, and goes on."""
    seen: set[str] = set()

    def read(content: bytes) -> None:
        try:
            reader.check(content)
        except Exception as error:  # noqa: BLE001  # whatever it is
            place = traceback.extract_tb(error.__traceback__)[-1]
            name = (f'{type(error).__name__}-'
                    f'{pathlib.Path(place.filename).stem}-{place.lineno}')
            if name not in seen:
                seen.add(name)
                (folder / f'{name}.bin').write_bytes(content)
                (folder / f'{name}.txt').write_text(traceback.format_exc())
    return read


if __name__ == '__main__':
    fuzz(readers.READERS[sys.argv[1]], sys.argv[2], pathlib.Path(sys.argv[3]))
