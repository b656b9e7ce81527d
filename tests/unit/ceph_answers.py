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

"""Programs ``ceph`` and ``rbd`` that answer what real ones answered.

The samples are from a cluster of Ceph 16.2.15 with one guest, client.4119,
and ``rbd watch``, client.4117.
"""

from __future__ import annotations

import json
import os
import pathlib
import stat

import pytest

SAMPLES = pathlib.Path(__file__).parent / 'samples'
FSID = '8a531320-0f05-4842-a642-2f40a98c65ab'
MONITORS = ('m21', 'm22', 'm23')
GUEST = 4119
NOBODY = '[]'

_PROGRAM = '''\
#!/bin/sh
folder={folder}
key=${{0##*/}}
echo "$key $*" >> $folder/calls
for word; do
    if [ -n "$skip" ]; then skip=; continue; fi
    case "$word" in
    --format=json) ;;
    --id|--cluster|--conf) skip=1 ;;
    *) key="$key $word" ;;
    esac
done
[ -e "$folder/$key" ] || {{ echo "unknown: $key" >&2; exit 22; }}
. "$folder/$key"
'''


def sample(name: str) -> str:
    """Return what a command printed."""
    return (SAMPLES / name).read_text()


def watched_by(*clients: int) -> str:
    """Return the output of ``rbd status`` for an image with clients."""
    told = json.loads(sample('rbd-status.json'))
    first, = told['watchers']
    told['watchers'] = [{**first, 'client': client} for client in clients]
    return json.dumps(told)


class CephAnswers:
    """A cluster with one pool and the monitors m21, m22 and m23.

    The guest has a session on m22, and nobody has one on the others.

    :param folder: where the programs are put
    """

    def __init__(self, folder: pathlib.Path, patch: pytest.MonkeyPatch,
                 pool: str = 'vms'):
        self.folder = folder
        self._pool = pool
        folder.mkdir()
        for name in ('ceph', 'rbd'):
            path = folder / name
            path.write_text(_PROGRAM.format(folder=folder))
            path.chmod(path.stat().st_mode | stat.S_IXUSR)
        patch.setenv('PATH', f'{folder}:{os.environ["PATH"]}')
        self.answer('ceph mon dump', sample('ceph-mon-dump.v1v2.json'))
        self.answer('ceph osd pool ls detail',
                    sample('ceph-osd-pool-ls-detail.json'))
        self.answer(f'rbd namespace ls --pool={pool}', '[]')
        self.images('web')
        self.sessions(m21=NOBODY, m22=sample('ceph-mon-sessions.json'),
                      m23=NOBODY)

    def answer(self, words: str, out: str = '', code: int = 0,
               told: str = '', later: str = '') -> None:
        """Let a command print something, and end with an exit code.

        :param told: what it prints on stderr
        :param later: what it prints from the second time on, if not the same
        """
        path = self.folder / words
        text = f"cat <<'END'\n{out}\nEND\necho '{told}' >&2\nexit {code}\n"
        if later:
            text = (f"if [ -e '{path}.again' ]; then cat <<'END'\n{later}\n"
                    f"END\nexit 0; fi\ntouch '{path}.again'\n{text}")
        path.write_text(text)

    def images(self, *names: str) -> None:
        """Let the pool have some images, each open on the guest."""
        self.answer(f'rbd ls --pool={self._pool}', json.dumps(names))
        for name in names:
            self.watch(name, GUEST)

    def watch(self, name: str, *clients: int, later: str = '') -> None:
        """Let clients have an image open."""
        self.answer(f'rbd status --pool={self._pool} --image={name}',
                    watched_by(*clients), later=later)

    def sessions(self, **told: str) -> None:
        """Let monitors tell their sessions."""
        for name, text in told.items():
            self.answer(f'ceph tell mon.{name} sessions', text)

    def refuse(self, name: str, code: int, told: str) -> None:
        """Let a monitor not tell its sessions."""
        self.answer(f'ceph tell mon.{name} sessions', '', code, told)

    @property
    def calls(self) -> list[str]:
        """Return the command lines so far."""
        return (self.folder / 'calls').read_text().splitlines()
