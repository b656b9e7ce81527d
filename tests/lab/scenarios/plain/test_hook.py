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

"""A guest is suspended after refresh and takes old monitors along.

The XML of a running guest cannot be changed; the hook corrects the XML that
libvirt derives from it.
"""

from __future__ import annotations

from typing import Callable, Iterator

import pytest

from lab import errors
from lab import guests
from lab import inside
from lab import libvirtd
from tests.lab.scenarios import operator as operators
from tests.lab.scenarios import watching


@pytest.fixture
def saved(lab: inside.Lab, operator: operators.Operator,
          guest_of: Callable[..., guests.Guest]) -> guests.Guest:
    """Return a guest that was corrected and then suspended."""
    guest = guest_of('hooked')
    lab.move_monitors(())
    operator.on('refresh', guest)
    libvirtd.virsh('managedsave', guest.name)
    return guest


@pytest.fixture
def no_hook_after(lab: inside.Lab,
                  operator: operators.Operator) -> Iterator[None]:
    """Leave behind a libvirtd that calls no hook."""
    yield
    operator.run('hook', 'remove')
    _restart_libvirtd(lab)


def _restart_libvirtd(lab: inside.Lab) -> None:
    """Restart libvirtd, which finds hooks only at its start; guests go on."""
    lab.services.stop('libvirtd')
    libvirtd.start(lab.services)


def test_hook(lab: inside.Lab, saved: guests.Guest,
              operator: operators.Operator, no_hook_after: None):
    assert operator.states(saved, code=1) == {
        'domain': 'current', 'managed-save': 'stale'}
    at = guests.count(saved.console)
    with pytest.raises(errors.LabError, match=guests.UNREACHED):
        saved.start()

    operator.run('hook', 'install')
    _restart_libvirtd(lab)
    told = operator.run('hook', 'status')['hook']
    assert {row['part']: row['state'] for row in told} == {
        'script': 'current', 'monitors': 'current', 'libvirtd': 'sees it'}
    assert operator.states(saved, code=1)['managed-save'] == 'stale'
    before = len(guests.counted(saved.console))
    saved.start()
    counted = guests.counted(saved.console)[before:]
    assert counted == list(range(at + 1, at + 1 + len(counted)))
    watching.writes(saved)
    assert operator.states(saved) == {
        'domain': 'current', 'live-domain': 'current'}
