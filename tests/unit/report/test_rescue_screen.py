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

"""The screens of ``guests --rescue``."""

from __future__ import annotations

import pytest

from rbd_mon_fix.model.guest import GuestState
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.model.rescue import QmpCommand
from rbd_mon_fix.model.rescue import Refusal
from rbd_mon_fix.model.rescue import RescueKind
from rbd_mon_fix.model.rescue import RescueWay
from rbd_mon_fix.report import rescue_screen
from rbd_mon_fix.report import sheets
from rbd_mon_fix.report import view as views
from tests.unit import memory

UUID = memory.uuid(1)
NEXT = f'Next: rbd-mon-fix guests --rescue {UUID} --in-place'
STEPS = (
    QmpCommand('blockdev-add', {
        'pool': 'vms', 'image': 'web', 'node-name': 'rbd-mon-fix-4',
        'server': [{'host': '10.1.0.1', 'port': '6789'},
                   {'host': 'fd00::1', 'port': '3300'}]}),
    QmpCommand('stop'),
    QmpCommand('blockdev-reopen', {'options': [
        {'node-name': 'libvirt-4-format', 'file': 'rbd-mon-fix-4'}]}),
    QmpCommand('blockdev-del', {'node-name': 'libvirt-4-storage'}))
WAYS = (
    RescueWay(RescueKind.LIVE_MIGRATION, (
        'openstack server migrate --live-migration X',)),
    RescueWay(RescueKind.SUSPEND, ('openstack server suspend X',)))


def guest(state=GuestState.STRANDED):
    return rescue_screen.RescuedGuest(
        'cmp1', UUID, 'web-1', state, ('ceph',), ('--instance', UUID))


def text(found, *given):
    lines = [''.join(span for span, _ in line).rstrip()
             for line in found(*given, views.PLAIN, sheets.Sheet())]
    # A command to type is never broken.
    assert max(len(line) for line in lines if 'rbd-mon-fix ' not in line
               ) <= 80
    return lines


def ways(*refusals, state=GuestState.STRANDED, steps=STEPS):
    in_place = RescueWay(RescueKind.IN_PLACE, ('{"execute": "stop"}',),
                         refusals, not refusals)
    found = (*WAYS, in_place) if state is GuestState.STRANDED else (in_place,)
    return text(rescue_screen.ways, guest(state), found, steps)


def test_ways():
    lines = ways()
    assert lines[:3] == [
        f'cmp1: guest {UUID} (web-1) is stranded: it has',
        'lost the monitors of ceph.',
        'While the guest is stranded, restart no OSD and move no data.']
    assert '     openstack server migrate --live-migration X' in lines
    assert lines[lines.index(
        '   QEMU would get these commands (-f json has them in full):'):] == [
        '   QEMU would get these commands (-f json has them in full):',
        '     blockdev-add rbd-mon-fix-4 '
        '(vms/web at 10.1.0.1:6789 [fd00::1]:3300)', '     stop',
        '     blockdev-reopen libvirt-4-format onto rbd-mon-fix-4',
        '     blockdev-del libvirt-4-storage', '',
        'If neither 1 nor 2 is possible:', NEXT]


def test_a_refusal():
    lines = ways(Refusal('vda', 'it is encrypted.'),
                 Refusal(None, 'Libvirt is busy.'), steps=())
    assert lines[-3:] == ['3. In place: refused.',
                          '   - vda: it is encrypted.',
                          '   - Libvirt is busy.']


@pytest.mark.parametrize('state', [GuestState.FOLLOWING, GuestState.UNKNOWN])
def test_no_need(state):
    lines = ways(Refusal(None, 'It follows.'), state=state, steps=())
    assert lines == [f'cmp1: guest {UUID} (web-1): It follows.']


@pytest.mark.parametrize('verdict, first, last', [
    (Verdict.FIXED, 'follows the monitors again.',
     f'Next: rbd-mon-fix refresh --instance {UUID} --dry-run'),
    (Verdict.FAILED, 'the rescue failed. Why.',
     f'Next: rbd-mon-fix guests --instance {UUID}'),
    (Verdict.UNVERIFIED, 'the rescue was not completed. Why.',
     f'Next: rbd-mon-fix guests --instance {UUID}')])
def test_done(verdict, first, last):
    reason = '' if verdict is Verdict.FIXED else 'Why.'
    lines = text(rescue_screen.done, guest(), 'RUN', verdict, reason, 0.0712)
    told = ' '.join(lines)
    assert first in told
    assert 'It was stopped for 0.07 seconds in all.' in told
    assert ('refresh its records' in told) is (verdict is Verdict.FIXED)
    assert lines[-2:] == ['Journal: rbd-mon-fix journal show RUN', last]
