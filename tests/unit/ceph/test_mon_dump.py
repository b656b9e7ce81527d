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

"""Parsing the output of ``ceph mon dump``."""

import json
import pathlib

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.ceph import mon_dump
from rbd_mon_fix.model.history import MonHistory

SAMPLE = (pathlib.Path(__file__).parents[1] / 'samples'
          / 'ceph-mon-dump.v1v2.json')
EPOCHS = SAMPLE.with_name('ceph-mon-dump.epochs-7-4-1.txt')
FSID = '8a531320-0f05-4842-a642-2f40a98c65ab'


def dumped(*mons):
    return json.dumps({'fsid': FSID, 'mons': list(mons)})


def mon(rank, addr, *vector):
    entry = {'rank': rank, 'name': f'm{rank}', 'addr': addr}
    if vector:
        entry['public_addrs'] = {'addrvec': [
            {'type': 'v2', 'addr': each, 'nonce': 0} for each in vector]}
    return entry


def read(text):
    found = mon_dump.parse(text)
    assert found.fsid == FSID
    return [(str(monitor.addr), [str(addr) for addr in monitor.addrs])
            for monitor in found.monmap.monitors]


@pytest.mark.parametrize('before', [
    '', '\n', 'dumped monmap epoch 7\n', 'dumped monmap epoch 7\n\n'])
def test_a_dump_of_a_real_cluster(before):
    assert read(before + SAMPLE.read_text()) == [
        (f'127.0.0.{n}:6789', [f'127.0.0.{n}:3300', f'127.0.0.{n}:6789'])
        for n in (21, 22, 23)]
    found = mon_dump.parse(SAMPLE.read_text())
    assert [monitor.name for monitor in found.monmap.monitors] == [
        'm21', 'm22', 'm23']
    raw = json.loads(SAMPLE.read_text())
    assert (found.epoch.epoch, found.epoch.modified, found.pending) == (
        raw['epoch'], raw['modified'], ())


@pytest.mark.parametrize('mons, expected', [
    ([mon(1, '10.0.0.1:6789/0'), mon(0, '10.0.0.2:6789/0')],
     [('10.0.0.2:6789', ['10.0.0.2:6789']),
      ('10.0.0.1:6789', ['10.0.0.1:6789'])]),
    ([mon(10, '10.0.0.1:6789/0'), mon(9, '10.0.0.2:6789/0')],
     [('10.0.0.2:6789', ['10.0.0.2:6789']),
      ('10.0.0.1:6789', ['10.0.0.1:6789'])]),
    ([mon(0, '[fd00::1]:6789/0', '[fd00::1]:3300', '[fd00::1]:6789')],
     [('[fd00::1]:6789', ['[fd00::1]:3300', '[fd00::1]:6789'])]),
    # A monitor that speaks v2 alone.
    ([mon(0, '10.0.0.1:3300/0', '10.0.0.1:3300')],
     [('10.0.0.1:3300', ['10.0.0.1:3300'])]),
    ([mon(0, '10.0.0.1:6789/7', '10.0.0.9:3300')],
     [('10.0.0.1:6789', ['10.0.0.1:6789', '10.0.0.9:3300'])]),
])
def test_rank_order_and_addresses(mons, expected):
    assert read(dumped(*mons)) == expected


@pytest.mark.parametrize('place', ['0.0.0.0:0/2', ':/0', '-', '[::]:0/1'])
def test_a_monitor_without_an_address_yet(place):
    """It is named, and the others are used (cases of an open bootstrap)."""
    text = dumped(mon(0, '10.0.0.1:6789/0'), mon(1, place))
    assert read(text) == [('10.0.0.1:6789', ['10.0.0.1:6789'])]
    assert mon_dump.parse(text).pending == ('m1',)


def test_epochs_of_a_real_cluster():
    lines = EPOCHS.read_text().splitlines()
    found = [mon_dump.parse(line) for line in lines if line.strip()]
    assert [each.epoch.epoch for each in found] == [7, 4, 1, 2]
    history = MonHistory().merged(each.epoch for each in found)
    assert [(each.name, str(each.addrs[-1]), each.first, each.last)
            for each in history.former] == [
        (f'm1{n}', f'127.0.0.1{n}:6789', 1, 4) for n in (1, 2, 3)]


@pytest.mark.parametrize('text', [
    '', 'dumped monmap epoch 7\n', 'no json', '[]', 'null', '{}', '"x"',
    dumped(), json.dumps({'fsid': FSID}),
    json.dumps({'mons': [mon(0, '10.0.0.1:6789/0')]}),
    dumped({'rank': 0, 'name': 'a'}),
    dumped(mon(0, '0.0.0.0:0/1')),
    dumped(mon(0, '-')),
    dumped(mon('x', '10.0.0.1:6789/0')),
    dumped({**mon(0, '10.0.0.1:6789/0'), 'public_addrs': 5}),
    dumped(mon(0, None)),
    '[' * 200_000,
    dumped(mon(0, '10.0.0.1:6789/0')).replace('"rank": 0', '"rank": 1e999'),
    dumped(mon(0, '10.0.0.1:6789/0')).replace('{', '{"epoch": Infinity, ', 1),
    dumped(mon(0, '10.0.0.1:6789/0')).replace(FSID, '../../etc/x'),
    dumped(mon(0, '10.0.0.1:6789/0')).replace(f'"{FSID}"', '5'),
])
def test_what_is_no_monmap(text):
    with pytest.raises(exceptions.Unreachable) as caught:
        mon_dump.parse(text)
    assert '--monitors-file' in caught.value.hint
