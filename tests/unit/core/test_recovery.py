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

"""The outcomes of an interrupted run, derived from the stores."""

import dataclasses

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.core import recovery
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.model.record import Record
from rbd_mon_fix.model.record import fingerprint
from rbd_mon_fix.model.run import Entry
from rbd_mon_fix.model.run import Run
from tests.unit import memory

OLD, NEW = memory.sheet(memory.OLD), memory.sheet(memory.NEW)


def entry(server):
    return Entry(memory.locator('domain', server), (),
                         fingerprint(OLD), fingerprint(NEW), None, '')


def settled(*texts):
    """Settle one entry per text; None stands for a deleted record."""
    entries = [entry(server) for server, _ in enumerate(texts)]
    store = memory.MemoryStore('domain', {
        each.locator: text for each, text in zip(entries, texts)
        if text is not None})
    outcomes = list(recovery.settle(entries, store.get))
    assert [outcome.locator for outcome in outcomes] == [
        each.locator for each in entries]
    return [outcome.verdict for outcome in outcomes]


@pytest.mark.parametrize('text, expected', [
    (NEW.text, Verdict.FIXED),
    (OLD.text, Verdict.FAILED),
    (OLD.text + ' ', Verdict.UNVERIFIED),
    (NEW.text + ' ', Verdict.UNVERIFIED),
    (NEW.text.upper(), Verdict.UNVERIFIED),
    ('', Verdict.UNVERIFIED),
    (None, Verdict.UNVERIFIED),
])
def test_verdicts(text, expected):
    assert settled(text) == [expected]


def test_each_for_itself_and_in_order():
    assert settled() == []
    assert settled(NEW.text, None, OLD.text, NEW.text) == [
        Verdict.FIXED, Verdict.UNVERIFIED, Verdict.FAILED, Verdict.FIXED]


def test_what_cannot_be_read_any_more_is_unverified():
    unreadable = Record(memory.locator('domain', 1), None, 'it is no XML')
    [outcome] = recovery.settle([entry(1)], lambda where: unreadable)
    assert outcome.verdict is Verdict.UNVERIFIED


def test_a_store_that_is_lost_ends_it():
    def get(where):
        if where == memory.locator('domain', 2):
            raise exceptions.Unreachable('Down.')
        return Record(where, NEW)

    outcomes = recovery.settle([entry(1), entry(2)], get)
    assert next(outcomes).verdict is Verdict.FIXED
    with pytest.raises(exceptions.Unreachable):
        next(outcomes)


def test_a_whole_run():
    """Known outcomes are not read again."""
    known = dataclasses.replace(entry(1), verdict=Verdict.CONFLICT,
                                reason='it had changed')
    run = Run('r', 'refresh', ('cmp1',), '', None,
                      (known, entry(2)), False, frozenset())
    store = memory.MemoryStore('domain', {entry(2).locator: NEW.text})
    found = recovery.settled(run, store.get)
    assert found.entries == (known, dataclasses.replace(
        entry(2), verdict=Verdict.FIXED,
        reason='found in the store after the run was cut off'))
    assert dataclasses.replace(found, entries=run.entries) == run


@pytest.mark.parametrize('known, found, words', [
    ([], {Verdict.FIXED: 2, Verdict.FAILED: 3},
     '2 changes were written, 3 were not made'),
    ([Verdict.FIXED, Verdict.CONFLICT], {Verdict.FAILED: 1},
     '1 change was written, 1 was not made'),
    ([Verdict.FIXED, Verdict.FAILED], {Verdict.FIXED: 1},
     '2 changes were written, 0 were not made'),
    ([], {Verdict.UNVERIFIED: 1},
     '0 changes were written, 0 were not made, and 1 document has changed '
     'since'),
    ([], {Verdict.UNVERIFIED: 2, Verdict.FAILED: 1},
     '0 changes were written, 1 was not made, and 2 documents have changed '
     'since')])
def test_a_run_in_words(known, found, words):
    """The outcomes that the run knew count too."""
    run = Run('r', 'refresh', ('cmp1',), '', None, tuple(
        dataclasses.replace(entry(number), verdict=verdict)
        for number, verdict in enumerate(known)), False, frozenset())
    assert recovery.in_words(run, found) == words
