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

"""The memory of a process with many threads, and of one that ends."""

from __future__ import annotations

import ctypes
import re
import subprocess
import sys

import pytest

from rbd_mon_fix.cli import heaps

# Threads that are alive at the same time, and what glibc tells about heaps.
THREADS = """
import ctypes, threading
from rbd_mon_fix.cli import heaps
{act}
together = threading.Barrier(12)
def work():
    libc.free(libc.malloc(5000))
    together.wait()
    together.wait()
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
threads = [threading.Thread(target=work) for _ in range(11)]
for thread in threads:
    thread.start()
together.wait()
libc.malloc_info(0, ctypes.c_void_p.in_dll(libc, 'stdout'))
together.wait()
"""


# A whole command that does nothing.
COMMAND = """
import sys, types
from rbd_mon_fix.cli import main
sys.modules['rbd_mon_fix.cli.monitors'] = types.SimpleNamespace(
    run=lambda conf, out, err: 0)
sys.argv = ['rbd-mon-fix', '--config-file', '/dev/null', 'monitors']
assert main.main() == 0
"""


@pytest.mark.parametrize('act, at_most, at_least', [
    ('heaps.share()', 2, 1), (COMMAND, 2, 1), ('', 99, 3)],
    ids=['share', 'a command', 'nothing'])
def test_threads_share_heaps(act, at_most, at_least):
    done = subprocess.run([sys.executable, '-c', THREADS.format(act=act)],
                          capture_output=True, text=True, check=True)
    found = len(re.findall('<heap nr=', done.stdout))
    assert at_least <= found <= at_most


def test_another_c_library(monkeypatch):
    monkeypatch.setattr(ctypes, 'CDLL', lambda name: object())
    heaps.share()


@pytest.mark.parametrize('act, frozen', [
    ('heaps.abandon()', True), (COMMAND, True), ('', False)],
    ids=['abandon', 'a command', 'nothing'])
def test_no_search_for_cycles_at_the_end(act, frozen):
    # What is registered first is called last.
    done = subprocess.run(
        [sys.executable, '-c', 'import atexit, gc\n'
         'from rbd_mon_fix.cli import heaps\n'
         'atexit.register(lambda: print(gc.get_freeze_count()))\n' + act],
        capture_output=True, text=True, check=True)
    assert (int(done.stdout) > 1000) is frozen
