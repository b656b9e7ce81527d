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

"""Plans that are saved and carried out later, on small deployments."""

from __future__ import annotations

import dataclasses
import json
import re

import pytest

from rbd_mon_fix import engine
from rbd_mon_fix import exceptions
from rbd_mon_fix.core import digest
from rbd_mon_fix.engine import refresh_run
from rbd_mon_fix.inventory import instances
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.state import locks
from tests.unit import memory
from tests.unit import worlds


@pytest.fixture
def three(world, monkeypatch):
    """Return a world with three servers on two hosts, one server a batch."""
    for server, host in ((1, 'cmp1'), (2, 'cmp1'), (3, 'cmp2')):
        world.add(server, host)
    monkeypatch.setattr(instances, 'BATCH', 1)
    return world


@pytest.fixture
def path(tmp_path):
    return tmp_path / 'plan.json'


def save(world, path, *hosts, **fields):
    asked = {name: fields.pop(name) for name in ('max_changes',)
             if name in fields}
    return engine.plan_refresh(world.context(), engine.RefreshRequest(
        worlds.request(*hosts or ('cmp1', 'cmp2'), **fields),
        save_plan=str(path), **asked))


def request(path, **fields):
    plan = engine.read_plan(str(path))
    return engine.RefreshRequest(engine.plan_scope(plan), plan=plan, **fields)


def carry_out(world, path, heard=None, **fields):
    return engine.refresh(world.context(), request(path, **fields),
                          heard or worlds.Heard())


def refusal(world, path):
    """Return the message of the refusal; nothing is written."""
    before = world.everything()
    planned = engine.plan_refresh(world.context(), request(path))
    with pytest.raises(exceptions.Refused) as caught:
        carry_out(world, path)
    assert planned.refused.message == caught.value.message
    assert world.everything() == before
    assert list(engine.journal(world.context()).runs()) == []
    return caught.value.message


def test_a_plan_is_carried_out(three, path):
    saved = save(three, path)
    assert (saved.refused, saved.error) == (None, None)
    plan = engine.read_plan(str(path))
    assert (plan.digest, len(plan.changes)) == (saved.digest, 9)
    assert re.fullmatch(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00', plan.made)
    assert plan.scope.hosts == ('cmp1', 'cmp2')
    [cluster] = plan.clusters
    assert (cluster.fsid, cluster.monitors) == (
        worlds.FSID, memory.addrs(memory.NEW))
    done = carry_out(three, path, max_changes=9)
    assert (done.error, done.summary.outcomes) == (None, {Verdict.FIXED: 9})
    assert three.plan('cmp1', 'cmp2').changes == ()


def test_it_holds_no_document_and_no_secret(three, path):
    three.domains().texts[memory.uuid(1)] = three.domains().texts[
        memory.uuid(1)].replace(
        '<devices>', "<devices><graphics type='vnc' passwd='CANARY'/>")
    save(three, path)
    text = path.read_text()
    assert 'CANARY' not in text
    assert '<' not in text and 'secret' not in text and 'auth' not in text


def test_a_plan_that_still_holds_may_be_looked_at(three, path):
    digests = {save(three, path).digest,
               engine.plan_refresh(three.context(), request(path)).digest}
    assert len(digests) == 1
    assert engine.plan_refresh(
        three.context(), request(path)).refused is None


@pytest.mark.parametrize('kept', [1, refresh_run.KEPT])
def test_a_record_that_changed(three, path, monkeypatch, kept):
    monkeypatch.setattr(refresh_run, 'KEPT', kept)
    save(three, path)
    texts = three.domains('cmp2').texts
    texts[memory.uuid(3)] += ' '
    assert refusal(three, path).endswith(
        f' no longer holds: domain vda of server {memory.uuid(3)} on cmp2 '
        'has changed since.')
    texts[memory.uuid(3)] = texts[memory.uuid(3)][:-1]
    assert carry_out(three, path).summary.outcomes == {Verdict.FIXED: 9}


def test_a_server_that_became_busy(three, path):
    save(three, path)
    three.nova.tables.update('instances', 'uuid', memory.uuid(1),
                             task_state='rebooting')
    told = refusal(three, path)
    assert told.count('is left alone now (busy)') == 3


def test_a_server_that_came(three, path):
    save(three, path)
    three.add(9)
    assert refusal(three, path).count('is to be changed too') == 3


def test_a_server_that_is_gone(three, path):
    save(three, path)
    three.nova.tables.update('instances', 'uuid', memory.uuid(2),
                             deleted=2)
    assert f'{memory.uuid(2)} on cmp1 no longer exists' in refusal(
        three, path)


def test_monitors_that_moved_on(three, path):
    save(three, path)
    conf = three.folder / 'ceph.conf'
    conf.write_text(conf.read_text().replace('10.1.0.3', '10.1.0.4'))
    assert ('the right monitors of cluster ceph were 10.1.0.1:6789, '
            '10.1.0.2:6789, 10.1.0.3:6789, and now are 10.1.0.1:6789, '
            '10.1.0.2:6789, 10.1.0.4:6789') in refusal(three, path)


def test_a_host_that_is_down(three, path):
    save(three, path)
    down = three.libvirts.pop('cmp2')
    with pytest.raises(exceptions.Refused, match='was not reached; '):
        carry_out(three, path)
    three.libvirts['cmp2'] = down


def test_a_plan_covers_the_hosts_that_were_reached(three, path):
    down = three.libvirts.pop('cmp2')
    saved = save(three, path)
    assert (list(saved.lost), saved.summary.due) == (['cmp2'], 6)
    three.libvirts['cmp2'] = down
    done = carry_out(three, path)
    assert (done.summary.outcomes, done.lost) == ({Verdict.FIXED: 6}, {})


@pytest.mark.parametrize('fields, due', [
    ({'store': ['domain']}, 3), ({'instance': [memory.uuid(3)]}, 3),
    ({'instance': ['web-1']}, 3)])
def test_the_scope_is_that_of_the_plan(three, path, fields, due):
    three.nova.tables.update('instances', 'uuid', memory.uuid(1),
                             display_name='web-1')
    saved = save(three, path, **fields)
    assert saved.summary.due == due
    three.add(9)
    if 'store' in fields:
        assert 'is to be changed too' in refusal(three, path)
        return
    assert carry_out(three, path).summary.outcomes == {Verdict.FIXED: due}


def test_guests_that_nova_does_not_know(three, path):
    three.add_plain(5)
    assert save(three, path, unmanaged=True).summary.due == 10
    assert carry_out(three, path).summary.outcomes == {Verdict.FIXED: 10}


def test_an_empty_plan(three, path):
    engine.refresh(three.context(), engine.RefreshRequest(
        worlds.request('cmp1', 'cmp2')))
    before = three.everything()
    assert save(three, path).digest == 'e3b0-c442'
    assert engine.read_plan(str(path)).clusters == ()
    done = carry_out(three, path)
    assert (done.run, done.error, done.summary.incomplete) == (
        None, None, False)
    assert three.everything() == before


def test_a_plan_that_was_carried_out_holds_no_longer(three, path):
    save(three, path)
    done = carry_out(three, path)
    with pytest.raises(exceptions.Refused, match='is right already'):
        carry_out(three, path)
    engine.rollback(three.context(), engine.RollbackRequest(done.run))
    assert carry_out(three, path).summary.outcomes == {Verdict.FIXED: 9}


def test_the_guard_still_judges(three, path):
    save(three, path)
    with pytest.raises(exceptions.Refused, match='9 documents'):
        carry_out(three, path, max_changes=8)


def test_a_plan_that_the_guard_refuses_is_not_saved(three, path):
    saved = save(three, path, max_changes=8)
    assert saved.refused is not None
    assert not path.exists()


def test_it_is_compared_under_the_lock(three, path):
    save(three, path)
    with locks.held(str(three.journal), ['cmp2']):
        with pytest.raises(exceptions.Refused, match='lock'):
            carry_out(three, path)


@pytest.mark.parametrize('parallel', [1, 8])
@pytest.mark.parametrize('meddle, unplanned, planned', [
    (lambda world: world.add(9, 'cmp2'), 9, 9),
    (lambda world: world.domains('cmp2').texts.update({
        memory.uuid(3): world.domains('cmp2').texts[memory.uuid(3)] + ' '}),
     3, 6)])
def test_more_is_due_in_the_second_reading(three, path, monkeypatch, meddle,
                                           unplanned, planned, parallel):
    """A change that is not in the plan is not written."""
    monkeypatch.setattr(refresh_run, 'KEPT', 1)
    save(three, path)
    heard = worlds.Heard(lambda what: (
        meddle(three) if what == 'Reading' else None))
    asked = request(path)
    done = engine.refresh(three.context(), dataclasses.replace(
        asked, scan=dataclasses.replace(asked.scan, parallel=parallel)),
        heard)
    assert 'no longer holds' in done.error.message
    fixed = done.summary.outcomes[Verdict.FIXED]
    # With several at once, those that have not begun are not made.
    assert fixed == planned if parallel == 1 else fixed in range(
        0, planned + 1, 3)
    assert memory.uuid(unplanned) in {
        change.locator.instance for change in three.plan('cmp2').changes}


def test_less_is_due_in_the_second_reading(three, path, monkeypatch):
    monkeypatch.setattr(refresh_run, 'KEPT', 1)
    save(three, path)
    heard = worlds.Heard(lambda what: (
        three.nova.tables.update('instances', 'uuid', memory.uuid(3),
                                 task_state='rebooting')
        if what == 'Reading' else None))
    done = carry_out(three, path, heard)
    assert done.error is None
    assert done.summary.outcomes == {Verdict.FIXED: 6}


def test_a_file_that_cannot_be_written_is_told_before_the_scan(three, path):
    path.mkdir()
    three.libvirts.clear()
    with pytest.raises(exceptions.ConfigError, match='not a regular file'):
        save(three, path)


def test_a_file_that_cannot_be_written_after_it(three, path, monkeypatch):
    reported = refresh_run.dry_run.report

    def late(*args):
        path.mkdir()
        return reported(*args)

    monkeypatch.setattr(refresh_run.dry_run, 'report', late)
    saved = save(three, path)
    assert saved.summary.due == 9
    assert 'not a regular file' in saved.error.message


@pytest.mark.parametrize('key, value', [
    ('after', 'f' * 64), ('key', '17'), ('host', 'cmp9')])
def test_a_file_that_was_edited(three, path, key, value):
    save(three, path)
    document = json.loads(path.read_text())
    document['changes'][1][key] = value
    path.write_text(json.dumps(document))
    with pytest.raises(exceptions.ConfigError, match='was edited') as caught:
        engine.read_plan(str(path))
    assert '--save-plan' in caught.value.hint


def test_a_forged_plan_changes_nothing(three, path):
    """A digest of 32 bits is soon forged, but the plan is made again."""
    save(three, path)
    document = json.loads(path.read_text())
    document['changes'][1]['after'] = 'f' * 64
    plan = engine.read_plan(str(path))
    forged = dataclasses.replace(plan.changes[1], after='f' * 64)
    document['digest'] = digest.of(
        [plan.changes[0], forged, *plan.changes[2:]])
    path.write_text(json.dumps(document))
    assert 'would get other addresses' in refusal(three, path)
