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

"""Doing what a plan says: order, batches, and what stops what."""

import contextlib

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.core import apply
from rbd_mon_fix.model.plan import Change
from rbd_mon_fix.model.plan import Edit
from rbd_mon_fix.model.plan import Outcome
from rbd_mon_fix.model.plan import Plan
from rbd_mon_fix.model.plan import Verdict
from tests.unit import memory

STORES = ('cinder-attachment', 'nova-bdm', 'domain')
OLD = memory.sheet(memory.OLD)


def change(store, server):
    return Change(
        memory.record(memory.locator(store, server), OLD),
        memory.sheet(memory.NEW),
        (Edit('vda', 'volumes/a', 'ceph', (), (), '', ''),))


class Stage:
    """Stores in memory, and all that is done to them in its order."""

    def __init__(self, *changes):
        self.changes = changes
        self.said = []
        self.busy_now = set()
        self.stores = [memory.MemoryStore(name, {
            each.locator: each.record.document.text for each in changes
            if each.locator.store == name}) for name in STORES]

    def apply(self):
        for store in self.stores:
            self._listen(store)
        return apply.apply(Plan((), tuple(self.changes)), self.stores,
                              self, self.busy, self.hold)

    def _listen(self, store):
        put = store.put

        def heard(changes):
            self.said.append((store.name, *_names(changes)))
            return put(changes)

        store.put = heard

    def begin(self, changes):
        self.said.append(('begin', *_names(changes)))

    def end(self, outcomes):
        if outcomes:
            self.said.append(('end', *[
                f'{_name(outcome.locator)} {outcome.verdict.value}'
                for outcome in outcomes]))

    def busy(self, uuids):
        return self.busy_now & set(uuids)

    @contextlib.contextmanager
    def hold(self, uuids):
        servers = sorted(int(uuid.split('-')[0], 16) for uuid in uuids)
        self.said.append(('hold', *servers))
        try:
            yield
        finally:
            self.said.append(('let go', *servers))

    def texts(self):
        return {_name(where): text for store in self.stores
                for where, text in store.texts.items()}


def _names(changes):
    return [_name(each.locator) for each in changes]


def _name(where):
    return where.key


def test_nothing_to_do():
    stage = Stage()
    assert list(stage.apply()) == []
    assert stage.said == []


def test_stores_are_written_in_their_order_by_one_put_a_batch():
    stage = Stage(change('domain', 1), change('nova-bdm', 2),
                  change('cinder-attachment', 1), change('nova-bdm', 1))
    outcomes = list(stage.apply())
    assert stage.said == [
        ('begin', 'domain/1', 'cinder-attachment/1', 'nova-bdm/1',
         'nova-bdm/2'),
        ('hold', 1, 2),
        ('cinder-attachment', 'cinder-attachment/1'),
        ('end', 'cinder-attachment/1 fixed'),
        ('nova-bdm', 'nova-bdm/1', 'nova-bdm/2'),
        ('end', 'nova-bdm/1 fixed', 'nova-bdm/2 fixed'),
        ('domain', 'domain/1'),
        ('end', 'domain/1 fixed'),
        ('let go', 1, 2)]
    assert [_name(outcome.locator) for outcome in outcomes] == [
        'cinder-attachment/1', 'nova-bdm/1', 'nova-bdm/2', 'domain/1']
    assert {outcome.verdict for outcome in outcomes} == {Verdict.FIXED}
    assert set(stage.texts().values()) == {memory.sheet(memory.NEW).text}


def test_a_batch_is_of_whole_servers(monkeypatch):
    monkeypatch.setattr(apply, 'BATCH', 2)
    stage = Stage(*[change(store, server) for store in STORES
                    for server in (1, 2, 3)])
    outcomes = list(stage.apply())
    begun = [set(words) for kind, *words in stage.said if kind == 'begin']
    assert begun == [{f'{store}/{server}' for store in STORES
                      for server in servers} for servers in ((1, 2), (3,))]
    assert len(outcomes) == 9
    kinds = [kind for kind, *_ in stage.said]
    once = ['begin', 'hold', *[
        word for store in STORES for word in (store, 'end')], 'let go']
    assert kinds == once * 2


def test_outcomes_come_as_they_are_known(monkeypatch):
    monkeypatch.setattr(apply, 'BATCH', 1)
    stage = Stage(change('domain', 1), change('domain', 2))
    outcomes = stage.apply()
    assert next(outcomes).locator.key == 'domain/1'
    assert 'domain/2' not in str(stage.said)


@pytest.mark.parametrize('verdict', [
    Verdict.CONFLICT, Verdict.FAILED, Verdict.UNVERIFIED])
def test_what_fails_stops_the_later_stores_of_that_server_only(verdict):
    stage = Stage(*[change(store, server) for server in (1, 2)
                    for store in STORES])
    bdm = stage.stores[1]
    put = bdm.put
    bdm.put = lambda changes: [
        Outcome(each.locator, verdict, 'so it is')
        if each.locator.key == 'nova-bdm/1' else put([each])[0]
        for each in changes]
    outcomes = {_name(outcome.locator): outcome for outcome in stage.apply()}
    assert {name: outcome.verdict for name, outcome in outcomes.items()} == {
        'cinder-attachment/1': Verdict.FIXED,
        'cinder-attachment/2': Verdict.FIXED,
        'nova-bdm/1': verdict, 'nova-bdm/2': Verdict.FIXED,
        'domain/1': Verdict.CONFLICT, 'domain/2': Verdict.FIXED}
    assert 'nova-bdm: so it is' in outcomes['domain/1'].reason
    assert ('domain', 'domain/2') in stage.said
    assert stage.texts()['domain/1'] == OLD.text


def test_a_text_that_changed_in_between_stays():
    stage = Stage(change('nova-bdm', 1), change('domain', 1))
    theirs = OLD.text + ' '
    stage.stores[1].texts[memory.locator('nova-bdm', 1)] = theirs
    assert [outcome.verdict for outcome in stage.apply()] == [
        Verdict.CONFLICT, Verdict.CONFLICT]
    assert stage.texts() == {'nova-bdm/1': theirs, 'domain/1': OLD.text}
    # A store that may write nothing is not called at all.
    assert 'domain' not in [kind for kind, *_ in stage.said]


def test_busy_in_between():
    stage = Stage(*[change(store, server) for server in (1, 2)
                    for store in STORES])
    stage.stores[1].during = lambda each: stage.busy_now.add(memory.uuid(1))
    outcomes = {_name(outcome.locator): outcome for outcome in stage.apply()}
    assert [name for name, outcome in outcomes.items()
            if outcome.verdict is not Verdict.FIXED] == ['domain/1']
    assert outcomes['domain/1'].verdict is Verdict.CONFLICT
    assert 'busy' in outcomes['domain/1'].reason
    assert stage.texts()['domain/1'] == OLD.text


def test_busy_from_the_start():
    stage = Stage(*[change(store, 1) for store in STORES])
    stage.busy_now = {memory.uuid(1)}
    assert {outcome.verdict for outcome in stage.apply()} == {
        Verdict.CONFLICT}
    assert set(stage.texts().values()) == {OLD.text}


def test_a_server_that_failed_keeps_the_reason_though_it_is_busy_too():
    stage = Stage(change('nova-bdm', 1), change('domain', 1))
    stage.stores[1].texts.clear()
    stage.stores[1].during = lambda each: stage.busy_now.add(memory.uuid(1))
    *_, last = stage.apply()
    assert 'left alone after nova-bdm' in last.reason


def test_a_store_that_is_lost_leaves_a_begin_without_an_end():
    stage = Stage(*[change(store, 1) for store in STORES])

    def down(each):
        raise exceptions.Unreachable('Down.')

    stage.stores[1].during = down
    outcomes = stage.apply()
    assert next(outcomes).locator.key == 'cinder-attachment/1'
    with pytest.raises(exceptions.Unreachable):
        next(outcomes)
    ended = [words for kind, *words in stage.said if kind == 'end']
    assert ended == [['cinder-attachment/1 fixed']]
    assert stage.said[-1] == ('let go', 1)
    assert stage.texts()['domain/1'] == OLD.text


def test_nothing_is_written_that_cannot_be_held():
    stage = Stage(change('domain', 1))

    @contextlib.contextmanager
    def hold(uuids):
        raise exceptions.Unreachable('No API.')
        yield

    stage.hold = hold
    with pytest.raises(exceptions.Unreachable):
        list(stage.apply())
    assert stage.said == [('begin', 'domain/1')]


def test_nothing_is_written_that_the_journal_does_not_know():
    stage = Stage(change('domain', 1))

    def begin(changes):
        raise exceptions.RbdMonFixError('Full.')

    stage.begin = begin
    with pytest.raises(exceptions.RbdMonFixError):
        list(stage.apply())
    assert stage.said == []
