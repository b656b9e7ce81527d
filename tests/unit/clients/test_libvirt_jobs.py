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

"""Calls for domains on which a job of libvirt runs."""

from __future__ import annotations

import threading
import types

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.clients import libvirt as door
from rbd_mon_fix.clients import libvirt_connection
from rbd_mon_fix.clients import libvirt_jobs

pytest.importorskip('libvirt')

SOUND, STUCK, OTHER = 'sound', 'stuck', 'other'


@pytest.fixture(autouse=True)
def limits(monkeypatch):
    """Look into a call soon."""
    monkeypatch.setattr(libvirt_jobs, '_LIMIT', 0.05)
    monkeypatch.setattr(libvirt_jobs, '_PAUSES', (0.001,) * 3)


class Libvirt:
    """Answers calls for domains without a job; others wait for the end."""

    def __init__(self, *working):
        self.working = set(working)
        self.called, self.asked = [], []
        self.end = threading.Event()
        self.jobs = libvirt_jobs.Jobs(self.at_work)

    def at_work(self, uuid):
        self.asked.append(uuid)
        return uuid in self.working

    def call(self, uuid):
        self.called.append(uuid)
        if uuid in self.working:
            assert self.end.wait(30)
        return uuid.upper()

    def answer(self, uuid):
        return self.jobs.answer(uuid, lambda: self.call(uuid))


@pytest.fixture
def make():
    """Return a function that makes a libvirt with jobs on some domains."""
    made = []

    def make(*working):
        made.append(Libvirt(*working))
        return made[-1]
    yield make
    for each in made:
        each.end.set()


def test_nothing_is_asked_about_a_domain_that_answers(make):
    libvirt = make()
    assert libvirt.answer(SOUND) == 'SOUND'
    assert libvirt.asked == []


def test_an_error_of_a_call(make):
    def fail():
        raise exceptions.Gone('It is gone.')
    with pytest.raises(exceptions.Gone):
        make().jobs.answer(SOUND, fail)


def test_a_domain_with_a_job_that_answers(make):
    """Older versions of libvirt give the XML all the same."""
    libvirt = make(STUCK)
    libvirt.end.set()
    assert libvirt.answer(STUCK) == 'STUCK'


def test_a_stuck_domain_is_called_once(make):
    libvirt = make(STUCK)
    for _ in range(3):
        with pytest.raises(libvirt_jobs.Busy, match='busy with a job'):
            libvirt.answer(STUCK)
    assert libvirt.called == [STUCK]
    libvirt.working.clear()
    with pytest.raises(libvirt_jobs.Busy):
        libvirt.answer(STUCK)


def test_another_domain_with_a_job_is_not_called(make):
    libvirt = make(STUCK, OTHER)
    for uuid in (STUCK, OTHER):
        with pytest.raises(libvirt_jobs.Busy):
            libvirt.answer(uuid)
    assert libvirt.answer(SOUND) == 'SOUND'
    assert libvirt.called == [STUCK, SOUND]


@pytest.mark.parametrize('found', [True, False])
def test_a_short_job_on_another_domain(make, found):
    """A domain with a job at the first look gets no second chance."""
    libvirt = make(STUCK)
    with pytest.raises(libvirt_jobs.Busy):
        libvirt.answer(STUCK)
    answers = [found, not found, found]
    libvirt.jobs._at_work = lambda uuid: answers.pop(0)
    assert libvirt.jobs.found(OTHER) is libvirt.jobs.found(OTHER) is found
    assert libvirt.answer(OTHER) == 'OTHER'
    assert answers == ([True] if found else [])


def test_a_slow_libvirt_is_waited_for(make):
    """No job runs, so the call only takes long."""
    libvirt = make()
    looked = threading.Event()

    def at_work(uuid):
        looked.set()
        return False

    libvirt.jobs._at_work = at_work
    assert libvirt.jobs.answer(SOUND, lambda: looked.wait(10))


@pytest.mark.parametrize('error', [
    exceptions.Gone('It is gone.'), libvirt_connection.Declined('May not.')])
def test_libvirt_does_not_tell_of_a_job(make, error):
    """The call itself tells what is wrong."""
    def at_work(uuid):
        raise error

    libvirt = make()
    libvirt.jobs._at_work = at_work
    assert not libvirt.jobs.found(SOUND)
    assert libvirt.answer(SOUND) == 'SOUND'


@pytest.fixture
def stuck(hypervisor, make):
    """Return a hypervisor with two stuck domains among others."""
    libvirt = make('2', '4', '5')

    def state(uuid):
        return [2 if uuid in libvirt.working else 0, 0, 7]

    def handle(uuid):
        return types.SimpleNamespace(
            XMLDesc=lambda flags: libvirt.call(uuid),
            blockJobInfo=lambda device, flags: libvirt.call(uuid),
            controlInfo=lambda flags: (libvirt.asked.append(uuid),
                                       state(uuid))[1])
    hypervisor._handles.update((uuid, handle(uuid)) for uuid in '12345')
    return hypervisor, libvirt


def read(hypervisor):
    def read(uuid):
        try:
            return hypervisor.inactive_xml(uuid)
        except door.Busy:
            return 'busy'
    return read


def test_domains_with_a_job_are_read_last(stuck):
    hypervisor, libvirt = stuck
    assert hypervisor.domain_by_domain(read(hypervisor), '12345', '12345') == [
        '1', 'busy', '3', 'busy', 'busy']
    assert sorted(libvirt.called[:2]) == ['1', '3']
    assert len(libvirt.called) <= 2 + libvirt_jobs.AT_ONCE
    assert sorted(libvirt.asked[:5]) == list('12345')


def test_domains_are_asked_once_and_only_if_they_run(stuck):
    hypervisor, libvirt = stuck
    libvirt.working.clear()
    for _ in range(2):
        assert hypervisor.domain_by_domain(str, '321', '12') == list('321')
    assert sorted(libvirt.asked) == ['1', '2']


def test_a_lone_domain_is_not_asked(stuck):
    """No other could be read before it."""
    hypervisor, libvirt = stuck
    assert hypervisor.domain_by_domain(str, '2', '2') == ['2']
    assert libvirt.asked == []


@pytest.mark.parametrize('call', [
    lambda hypervisor: hypervisor.inactive_xml('2'),
    lambda hypervisor: hypervisor.live_xml('2'),
    lambda hypervisor: hypervisor.has_block_job('2', 'vda')])
def test_each_call_that_waits_for_a_job(stuck, call):
    hypervisor, libvirt = stuck
    with pytest.raises(door.Busy):
        call(hypervisor)
    assert libvirt.called == ['2']
