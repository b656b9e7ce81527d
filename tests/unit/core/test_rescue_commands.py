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

"""The QMP commands of a rescue against what libvirt itself wrote."""

from __future__ import annotations

import dataclasses
import json

import pytest

from rbd_mon_fix.core import rescue
from rbd_mon_fix.core import rescue_commands as commands
from rbd_mon_fix.documents import live_disks
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.qemu import block_graph
from tests.unit import fake_qemu

# Without an option, QEMU takes these.
DEFAULTS = {'cache': {'direct': False, 'no-flush': False},
            'detect-zeroes': 'off', 'read-only': False}


@pytest.fixture
def moves():
    return list(rescue.of_disks(
        fake_qemu.claims(), live_disks.read(fake_qemu.XML),
        block_graph.graph(fake_qemu.FakeQemu())))


def with_defaults(options, *names):
    return {**{name: DEFAULTS[name] for name in names}, **options}


def launched(name):
    return next(each for each in fake_qemu.BLOCKDEVS
                if each['node-name'] == name)


def test_a_connection_is_that_of_libvirt_but_for_the_monitors(moves):
    """The command line of the real guest is what libvirt wrote."""
    for move in moves:
        command = commands.connect(move, move.storage.name)
        assert command.execute == 'blockdev-add'
        assert command.arguments == with_defaults({
            **launched(move.storage.name),
            'server': [{'host': '10.1.0.1', 'port': '6789'}]}, 'cache')


def test_a_raw_node_keeps_its_options(moves):
    command = commands.switch(moves, commands.last(moves))
    assert command.execute == 'blockdev-reopen'
    assert command.arguments['options'] == [with_defaults(
        launched(move.top.name), *DEFAULTS) for move in moves]


def test_without_cephx_and_port(moves):
    move = dataclasses.replace(
        moves[0], secret=None, claim=dataclasses.replace(
            moves[0].claim, new=(MonAddr('fd00::1', None),)))
    told = commands.connect(move, 'n').arguments
    assert 'key-secret' not in told and 'auth-client-required' not in told
    assert told['server'] == [{'host': 'fd00::1', 'port': '3300'},
                              {'host': 'fd00::1', 'port': '6789'}]


def test_the_order(moves):
    """The guest runs while QEMU connects and disconnects."""
    told = [(each.execute, each.arguments.get('node-name'))
            for each in commands.everything(moves[:1])]
    assert told == [
        ('blockdev-add', 'rbd-mon-fix-4'),
        ('stop', None), ('blockdev-reopen', None), ('cont', None),
        ('blockdev-del', 'libvirt-4-storage'),
        ('blockdev-add', 'libvirt-4-storage'),
        ('stop', None), ('blockdev-reopen', None), ('cont', None),
        ('blockdev-del', 'rbd-mon-fix-4')]


def test_the_whole_on_a_qemu(moves):
    qemu = fake_qemu.FakeQemu()
    names = set(qemu.nodes)
    for command in commands.everything(moves):
        qemu(command)
    assert set(qemu.nodes) == names
    assert qemu.is_running
    assert set(qemu.connected().values()) == {'10.1.0.1'}


def test_as_text(moves):
    assert str(commands.STOP) == '{"execute": "stop"}'
    assert json.loads(str(commands.remove('n'))) == {
        'execute': 'blockdev-del', 'arguments': {'node-name': 'n'}}
