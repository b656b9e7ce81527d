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

"""A rescue in place, and each step of it that fails."""

from __future__ import annotations

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.core import rescue
from rbd_mon_fix.core import rescue_commands
from rbd_mon_fix.documents import live_disks
from rbd_mon_fix.engine import rescue_steps
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.qemu import block_graph
from tests.unit import fake_qemu

DISKS = len(fake_qemu.DISKS)
# The commands up to the first one after which the guest is connected.
FIRST = DISKS + 3
ALL = 2 * FIRST + 2 * DISKS


@pytest.fixture
def qemu():
    return fake_qemu.FakeQemu()


@pytest.fixture
def begin(qemu):
    """Return a function that rescues the guest."""
    moves = list(rescue.of_disks(
        fake_qemu.claims(), live_disks.read(fake_qemu.XML),
        block_graph.graph(qemu)))

    def begin(reach=lambda: pytest.fail('no other way was needed')):
        assert len(list(rescue_commands.everything(moves))) == ALL
        return rescue_steps.Rescue(qemu, reach, moves).carry_out()
    return begin


def monitors(qemu):
    return set(qemu.connected().values())


def temporary(qemu):
    return [name for name in qemu.nodes if name.startswith('rbd-mon-fix-')]


def test_all_steps(qemu, begin):
    names = set(qemu.nodes)
    found = begin()
    assert (found.verdict, found.reason) == (Verdict.FIXED, '')
    assert found.paused > 0
    assert len(qemu.sent) == ALL
    assert (monitors(qemu), set(qemu.nodes)) == ({'10.1.0.1'}, names)
    assert qemu.is_running


def failing_at(step, error):
    def wrong(number):
        if number == step:
            raise error
    return wrong


@pytest.mark.parametrize('is_done', [False, True], ids=['not done', 'done'])
@pytest.mark.parametrize('step', range(ALL))
def test_a_step_that_fails(qemu, begin, step, is_done):
    """QEMU refuses the step, or it carries it out and nobody is told."""
    names = set(qemu.nodes)
    if is_done:
        qemu.then = failing_at(step, exceptions.Unreachable('Lost.'))
    else:
        qemu.wrong = failing_at(step, fake_qemu.refused('no'))
    found = begin(lambda: qemu)
    assert qemu.is_running
    # A guest that could be continued is all right.
    cont = qemu.sent[step].execute == 'cont'
    if cont:
        assert found.verdict is Verdict.FIXED
    elif step < FIRST:
        assert found.verdict is Verdict.FAILED
        switched = is_done and qemu.sent[step].execute == 'blockdev-reopen'
        assert monitors(qemu) == ({'10.1.0.1'} if switched
                                  else {'10.0.0.1'})
        if switched:
            assert f'nodes remain: {", ".join(temporary(qemu))}' in (
                found.reason)
        else:
            assert set(qemu.nodes) == names
            assert found.reason.endswith('Nothing remains of it.')
    else:
        assert found.verdict is Verdict.UNVERIFIED
        assert monitors(qemu) == {'10.1.0.1'}
        assert 'not under the names that libvirt knows' in found.reason
    assert ('may be stopped' in found.reason) is False


def test_a_guest_that_cannot_be_continued(qemu, begin):
    def wrong(number):
        if qemu.sent[number].execute == 'cont':
            raise exceptions.Unreachable('Libvirt is gone.')
    qemu.wrong = wrong
    reached = []

    def reach():
        reached.append(1)
        return qemu
    found = begin(reach)
    assert found.verdict is Verdict.FAILED
    assert 'cannot be continued: Libvirt is gone' in found.reason
    assert 'run "virsh resume"' in found.reason
    assert len(reached) == 3


def test_the_guest_is_continued_by_another_connection(qemu, begin):
    """Libvirt is restarted while the guest is stopped."""
    lost = []

    def wrong(number):
        if qemu.sent[number].execute == 'blockdev-reopen' or lost:
            lost.append(number)
            raise exceptions.Unreachable('Lost.')

    def reach():
        lost.clear()
        qemu.wrong = lambda number: None
        return qemu
    qemu.wrong = wrong
    found = begin(reach)
    assert (found.verdict, qemu.is_running) == (Verdict.FAILED, True)
    assert monitors(qemu) == {'10.0.0.1'}


@pytest.mark.parametrize('error', [KeyboardInterrupt, RuntimeError])
@pytest.mark.parametrize('command', ['stop', 'blockdev-reopen'])
def test_even_a_defect_leaves_no_guest_stopped(qemu, begin, command, error):
    def wrong(number):
        if qemu.sent[number].execute == command:
            raise error
    qemu.wrong = wrong
    with pytest.raises(error):
        begin()
    assert qemu.is_running
    assert qemu.sent[-1].execute == 'cont'


def test_what_remains_is_not_known(qemu, begin):
    """QEMU answers nothing any more."""
    def wrong(number):
        raise exceptions.Unreachable('Lost.')
    qemu.wrong = wrong
    qemu._query_named_block_nodes = wrong
    found = begin()
    assert found.verdict is Verdict.FAILED
    assert 'nodes remain: rbd-mon-fix-4, rbd-mon-fix-3' in found.reason
