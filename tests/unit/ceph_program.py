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

"""A ``ceph`` program that prints what real Ceph printed."""

from __future__ import annotations

import os
import pathlib

import pytest

from rbd_mon_fix.ceph import client

FSID = '534b004b-4bea-476e-a1b1-8c8698cfcc50'
# All monitors of the last epoch are new; those of epoch 4 are both.
FORMER = ('127.0.0.11', '127.0.0.12', '127.0.0.13')
PRESENT = ('127.0.0.21', '127.0.0.22', '127.0.0.23')
LAST = 7

_EPOCHS = (pathlib.Path(__file__).parent / 'samples'
           / 'ceph-mon-dump.epochs-7-4-1.txt')

# Prints a line for each epoch.
_PROGRAM = """\
#!/bin/sh
[ -e {folder}/down ] && exit 1
case "$*" in 'mon dump'*)
    grep '"epoch":'"$(cat {folder}/epoch)," {epochs}; exit ;;
esac
while read -r line; do
    case "$line" in
    fsid) echo '{{"fsid":"x"}}' ;;
    *) grep '"epoch":'"${{line##* }}," {epochs} ;;
    esac
done
"""


class CephProgram:
    """The program, and the cluster whose monitors all answer.

    :param folder: where the program is put
    """

    def __init__(self, folder: pathlib.Path, patch: pytest.MonkeyPatch):
        self._folder = folder
        folder.mkdir()
        program = folder / 'ceph'
        program.write_text(_PROGRAM.format(folder=folder, epochs=_EPOCHS))
        program.chmod(0o755)
        self.answering = {*PRESENT}
        self.set_epoch(LAST)
        patch.setenv('PATH', f'{folder}:{os.environ["PATH"]}')
        patch.setattr(client, 'answering', lambda addrs: frozenset(
            addr for addr in addrs if addr.host in self.answering))

    def set_epoch(self, number: int) -> None:
        """Let the cluster be at an epoch, 1, 4 or 7."""
        (self._folder / 'epoch').write_text(str(number))

    def stop(self) -> None:
        """Let no command reach the cluster from now on."""
        (self._folder / 'down').touch()
