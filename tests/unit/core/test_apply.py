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

"""Applying changes: order, batches, and the effects of a failure."""

import contextlib

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.core import apply
from rbd_mon_fix.model.plan import Change
from rbd_mon_fix.model.plan import Edit
from rbd_mon_fix.model.plan import Outcome
from rbd_mon_fix.model.plan import Verdict
from tests.unit import memory

STORES = ('cinder-attachment', 'nova-bdm', 'domain', 'managed-save')
# The stores that write even while Nova is working on the server.
UNGUARDED = ('domain', 'managed-save')
OLD = memory.sheet(memory.OLD)


def change(store, server):
    return Change(
        memory.record(memory.locator(store, server), OLD),
        memory.sheet(memory.NEW),
        (Edit('vda', 'volumes/a', 'ceph', (), (), '', ''),))


class Stage:
    """In-memory stores, and all operations on them in order."""

    def __init__(self, *changes):
        self.changes = changes
        self.said = []
        # The changes of which the journal keeps something.
        self.kept = set()
        self.busy_now = set()
        self.asked = []
        self.stores = {name: memory.MemoryStore(name, {
            each.locator: each.record.document.text for each in changes
            if each.locator.store == name},
            guards_busy=name not in UNGUARDED) for name in STORES}

    def apply(self, *proceed):
        stores = list(self.stores.values())
        for store in stores:
            self._listen(store)
        return apply.apply(self.changes, stores, self, self.busy, self.hold,
                           *proceed)

    def _listen(self, store):
        put = store.put

        def heard(changes):
            self.said.append((store.name, *_names(changes)))
            return put(changes)

        store.put = heard

    def begin(self, changes):
        self.said.append(('begin', *_names(changes)))
        self.kept |= {change.locator for change in changes}

    def forget(self, changes):
        self.kept -= {change.locator for change in changes}

    def end(self, outcomes):
        assert self.kept >= {outcome.locator for outcome in outcomes}
        self.said.append(('end', *[
            f'{_name(outcome.locator)} {outcome.verdict.value}'
            for outcome in outcomes]))

    def busy(self, uuids):
        self.asked.append({_number(uuid) for uuid in uuids})
        return self.busy_now & set(uuids)

    @contextlib.contextmanager
    def hold(self, uuids):
        servers = sorted(map(_number, uuids))
        self.said.append(('hold', *servers))
        try:
            yield
        finally:
            self.said.append(('let go', *servers))

    def texts(self):
        return {_name(where): text for store in self.stores.values()
                for where, text in store.texts.items()}

    def last_words(self):
        """Return the last outcome of each change in the journal."""
        return dict(words.split() for kind, *outcomes in self.said
                    if kind == 'end' for words in outcomes)


def _number(uuid):
    return int(uuid.split('-')[0], 16)


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
    assert len(outcomes) == 12
    kinds = [kind for kind, *_ in stage.said]
    once = ['begin', 'hold', *[
        word for store in STORES for word in (store, 'end')], 'let go']
    assert kinds == once * 2


def test_the_journal_keeps_nothing_of_a_batch_that_is_over(monkeypatch):
    monkeypatch.setattr(apply, 'BATCH', 2)
    stage = Stage(*[change(store, server) for store in STORES
                    for server in (1, 2, 3)])
    kept = []
    outcomes = list(stage.apply(
        lambda servers: kept.append(set(stage.kept)) or True))
    assert len(outcomes) == 12
    assert [*kept, stage.kept] == [set()] * 3


def test_a_stop_comes_between_two_batches(monkeypatch):
    """What was begun has an outcome, and nothing else was begun."""
    monkeypatch.setattr(apply, 'BATCH', 2)
    stage = Stage(*[change(store, server) for store in STORES
                    for server in range(1, 6)])
    sizes = []
    outcomes = list(stage.apply(
        lambda servers: sizes.append(servers) or len(sizes) < 3))
    assert sizes == [2, 2, 1]
    names = {f'{store}/{server}' for store in STORES
             for server in range(1, 5)}
    assert {_name(outcome.locator) for outcome in outcomes} == names
    assert {name for kind, *words in stage.said if kind == 'begin'
            for name in words} == names == set(stage.last_words())
    assert stage.said[-1] == ('let go', 3, 4)


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
    bdm = stage.stores['nova-bdm']
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
        'domain/1': Verdict.CONFLICT, 'domain/2': Verdict.FIXED,
        'managed-save/1': Verdict.CONFLICT,
        'managed-save/2': Verdict.FIXED}
    for name in ('domain/1', 'managed-save/1'):
        assert 'nova-bdm was not fixed: so it is' in outcomes[name].reason
        assert stage.texts()[name] == OLD.text
    assert ('domain', 'domain/2') in stage.said


def test_a_text_that_changed_in_between_stays():
    stage = Stage(change('nova-bdm', 1), change('domain', 1))
    theirs = OLD.text + ' '
    stage.stores['nova-bdm'].texts[memory.locator('nova-bdm', 1)] = theirs
    assert [outcome.verdict for outcome in stage.apply()] == [
        Verdict.CONFLICT, Verdict.CONFLICT]
    assert stage.texts() == {'nova-bdm/1': theirs, 'domain/1': OLD.text}
    # A store with nothing to write is not called at all.
    assert 'domain' not in [kind for kind, *_ in stage.said]


def test_a_server_that_becomes_busy_before_its_domain_is_written():
    stage = Stage(*[change(store, server) for server in (1, 2)
                    for store in STORES])
    stage.stores['nova-bdm'].during = lambda each: stage.busy_now.add(
        memory.uuid(1))
    outcomes = {_name(outcome.locator): outcome for outcome in stage.apply()}
    assert {name for name, outcome in outcomes.items()
            if outcome.verdict is not Verdict.FIXED} == {
        'domain/1', 'managed-save/1'}
    for name in ('domain/1', 'managed-save/1'):
        assert outcomes[name].verdict is Verdict.CONFLICT
        assert 'busy' in outcomes[name].reason
        assert stage.texts()[name] == OLD.text


def test_a_store_that_guards_against_nova_decides_by_itself():
    stage = Stage(*[change(store, 1) for store in STORES])
    stage.busy_now = {memory.uuid(1)}
    list(stage.apply())
    assert stage.last_words() == {
        'cinder-attachment/1': 'fixed', 'nova-bdm/1': 'fixed',
        'domain/1': 'conflict', 'managed-save/1': 'conflict'}


@pytest.mark.parametrize('stores, asked', [
    (('cinder-attachment', 'nova-bdm'), []),
    (('domain',), [{1, 2, 3}, {1, 2, 3}]),
    (UNGUARDED, [{1, 2, 3}, {1, 2, 3}]),
    (STORES, [{1, 2, 3}, {1, 2, 3}]),
])
def test_nova_is_asked_before_and_after_and_no_more(stores, asked):
    stage = Stage(*[change(store, server) for store in stores
                    for server in (1, 2, 3)])
    list(stage.apply())
    assert stage.asked == asked


def test_nova_is_asked_for_each_batch(monkeypatch):
    monkeypatch.setattr(apply, 'BATCH', 2)
    stage = Stage(*[change(store, server) for store in STORES
                    for server in (1, 2, 3)])
    list(stage.apply())
    assert stage.asked == [{1, 2}, {1, 2}, {3}, {3}]


def test_nova_is_asked_again_only_where_something_was_written():
    stage = Stage(change('domain', 1), change('domain', 2))
    del stage.stores['domain'].texts[memory.locator('domain', 1)]
    list(stage.apply())
    assert stage.asked == [{1, 2}, {2}]
    nothing = Stage(change('domain', 1))
    nothing.stores['domain'].texts.clear()
    list(nothing.apply())
    assert nothing.asked == [{1}]


@pytest.mark.parametrize('during', UNGUARDED)
def test_a_server_that_becomes_busy_while_libvirt_writes(during):
    stage = Stage(*[change(store, server) for server in (1, 2)
                    for store in STORES])
    stage.stores[during].during = lambda each: stage.busy_now.add(
        memory.uuid(1))
    outcomes = list(stage.apply())
    words = stage.last_words()
    assert {name for name, word in words.items() if word != 'fixed'} == {
        'domain/1', 'managed-save/1'}
    assert words['domain/1'] == words['managed-save/1'] == 'unverified'
    # The last outcome yielded is the last one in the journal, while the
    # servers are held.
    assert {_name(each.locator): each.verdict.value
            for each in outcomes} == words
    assert stage.said[-2:] == [
        ('end', 'domain/1 unverified', 'managed-save/1 unverified'),
        ('let go', 1, 2)]
    assert 'Nova' in outcomes[-1].reason


def test_a_failure_is_not_excused_by_a_server_that_becomes_busy():
    stage = Stage(change('domain', 1), change('managed-save', 1))
    stage.stores['managed-save'].texts.clear()
    stage.stores['managed-save'].during = lambda each: stage.busy_now.add(
        memory.uuid(1))
    list(stage.apply())
    assert stage.last_words() == {
        'domain/1': 'unverified', 'managed-save/1': 'conflict'}


def test_a_server_that_failed_keeps_the_reason_though_it_is_busy_too():
    stage = Stage(change('nova-bdm', 1), change('domain', 1))
    stage.stores['nova-bdm'].texts.clear()
    stage.stores['nova-bdm'].during = lambda each: stage.busy_now.add(
        memory.uuid(1))
    *_, last = stage.apply()
    assert ('not attempted, because nova-bdm was not fixed'
            in last.reason)


def test_a_store_that_is_lost_leaves_a_begin_without_an_end():
    stage = Stage(*[change(store, 1) for store in STORES])

    def down(each):
        raise exceptions.Unreachable('Down.')

    stage.stores['nova-bdm'].during = down
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
