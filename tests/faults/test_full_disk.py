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

"""A journal on a disk that becomes full in the middle of a run.

The kernel then writes a part of what was asked for, and fails the next write.
"""

from __future__ import annotations

import contextlib
import subprocess

from tests.cloud import shape
from tests.faults import subject as subjects

# More than a batch, which has 50.
SERVERS = 60


@contextlib.contextmanager
def disk_for_journal(subject, size):
    """Give the journal a disk of its own.

    :param size: in KiB
    """
    place = str(subject.folder / 'journal')
    subprocess.run(['mount', '-t', 'tmpfs', '-o', f'size={size}k,mode=0700',
                    'none', place], check=True)
    try:
        yield
    finally:
        subprocess.run(['umount', place], check=True)


def resize(subject, size):
    subprocess.run(['mount', '-o', f'remount,size={size}k',
                    str(subject.folder / 'journal')], check=True)


def used(subject):
    """Return the KiB that the journal takes."""
    return sum(path.stat().st_blocks for path in (
        subject.folder / 'journal').rglob('*')) // 2


def test_a_disk_that_becomes_full(build_cloud):
    subject = subjects.Subject(build_cloud(shape.many(SERVERS, 1)))
    with disk_for_journal(subject, 8192):
        assert subject.admin.run(*subjects.REFRESH).code == 0
        whole = used(subject)
    subject.restore()
    with disk_for_journal(subject, whole * 15 // 16):
        done = subject.admin.run(*subjects.REFRESH)
        resize(subject, 8192)
        assert done.code == 4, done
        assert 'No space left on device' in done.err
        assert 'Free some disk space' in done.err
        assert 0 < subject.judge() < len(subject.stale)
        assert 'damaged' not in subject.admin.run('journal', 'list').out
        assert not subjects.complaints(subject, 'full', done, False)
