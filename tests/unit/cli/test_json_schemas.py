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

"""The JSON Schemas in the package: complete, and strict."""

from __future__ import annotations

import copy
import json

import jsonschema
import pytest

from rbd_mon_fix import engine
from rbd_mon_fix.cli import check
from rbd_mon_fix.cli import exit_codes
from rbd_mon_fix.cli import gate
from rbd_mon_fix.cli import guests
from rbd_mon_fix.cli import hook
from rbd_mon_fix.cli import journal
from rbd_mon_fix.cli import lifeline
from rbd_mon_fix.cli import main
from rbd_mon_fix.cli import monitors
from rbd_mon_fix.cli import preflight
from rbd_mon_fix.cli import refresh
from rbd_mon_fix.cli import rollback
from rbd_mon_fix.cli import shield
from rbd_mon_fix.cli import status
from rbd_mon_fix.cli import verify
from rbd_mon_fix.engine.rescue_steps import RescueOutcome
from rbd_mon_fix.model.census import Image
from rbd_mon_fix.model.census import Watcher
from rbd_mon_fix.model.census import WatcherReport
from rbd_mon_fix.model.cluster import Source
from rbd_mon_fix.model.disk import RbdDisk
from rbd_mon_fix.model.evidence import EvidenceKind
from rbd_mon_fix.model.finding import FindingKind
from rbd_mon_fix.model.guest import Guest
from rbd_mon_fix.model.guest import GuestState
from rbd_mon_fix.model.health import Severity
from rbd_mon_fix.model.instance import Instance
from rbd_mon_fix.model.lifeline import ClusterLifelines
from rbd_mon_fix.model.lifeline import Lifeline
from rbd_mon_fix.model.lifeline import LifelinePlan
from rbd_mon_fix.model.lifeline import LifelineWay
from rbd_mon_fix.model.lifeline import WayKind
from rbd_mon_fix.model.plan import Operation
from rbd_mon_fix.model.plan import State
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.model.record import SkipReason
from rbd_mon_fix.model.rescue import BlockNode
from rbd_mon_fix.model.rescue import DiskMove
from rbd_mon_fix.model.rescue import Refusal
from rbd_mon_fix.model.rescue import RescueKind
from rbd_mon_fix.preflight.check import Works
from rbd_mon_fix.qemu import open_check
from rbd_mon_fix.qemu import processes
from rbd_mon_fix.report import schema
from rbd_mon_fix.stores import registry
from tests import schemas
from tests.unit import fake_qemu
from tests.unit import memory
from tests.unit import worlds
from tests.unit.report import sample

# Objects that any keys may be missing from.
MAPS = ('hosts', 'skipped')
COMMANDS = [name for name in schemas.NAMES if name != schemas.PARTS]
PARTS = schemas.load(schemas.PARTS)['$defs']


def test_schemas_are_valid():
    for name in schemas.NAMES:
        jsonschema.Draft202012Validator.check_schema(schemas.load(name))


def strict(found):
    """Yield the objects of a schema that allow other keys."""
    if isinstance(found, dict):
        if found.get('type') == 'object' and 'additionalProperties' not in (
                found):
            yield found
        for each in found.values():
            yield from strict(each)


@pytest.mark.parametrize('name', schemas.NAMES)
def test_no_other_keys(name):
    assert list(strict(schemas.load(name))) == []


def words(kind):
    return [each.value for each in kind]


@pytest.mark.parametrize('found, expected', [
    (PARTS['version']['const'], schema.VERSION),
    (PARTS['store']['enum'], list(registry.SPECS)),
    (PARTS['outcome']['enum'], [*words(Verdict), None]),
    (PARTS['error']['properties']['kind']['enum'], [
        code.name.lower() for code in exit_codes.ExitCode if code > 1]),
    (PARTS['error']['properties']['code']['enum'], [
        code for code in exit_codes.ExitCode if code > 1]),
    (PARTS['cluster']['properties']['source']['enum'], words(Source)),
    (PARTS['evidence']['properties']['kind']['enum'], words(EvidenceKind)),
    (PARTS['record']['properties']['state']['enum'], words(State)),
    (PARTS['record']['properties']['skip']['enum'], [
        *words(SkipReason), None]),
    (PARTS['record']['properties']['breaks']['items']['enum'],
     words(Operation)),
    (list(PARTS['record']['properties']),
     list(schema.columns(schema.Kind.STATUS))),
    (list(PARTS['change']['properties']),
     list(schema.columns(schema.Kind.REFRESH))),
    (PARTS['finding']['properties']['kind']['enum'], words(FindingKind)),
    (list(PARTS['summary']['properties']['states']['properties']),
     words(State)),
    (PARTS['summary']['properties']['skipped']['propertyNames']['enum'],
     words(SkipReason)),
    (list(PARTS['summary']['properties']['breaks']['properties']),
     words(Operation)),
    (list(PARTS['summary']['properties']['outcomes']['properties']),
     words(Verdict)),
    (list(PARTS['guest_counts']['properties']), words(GuestState)),
    (PARTS['guest']['properties']['state']['enum'], words(GuestState)),
    (list(PARTS['guest']['properties']), list(guests.COLUMNS)),
    (list(PARTS['watcher']['properties']), list(gate.COLUMNS)),
    (PARTS['watcher']['properties']['state']['enum'], words(GuestState)),
    (list(PARTS['lifeline']['properties']), list(lifeline.COLUMNS)),
    (PARTS['lifeline']['properties']['way']['enum'], words(WayKind)),
    (list(PARTS['disk']['properties']), list(verify.COLUMNS)),
    (list(PARTS['check']['properties']), list(preflight.COLUMNS)),
    (PARTS['check']['properties']['works']['enum'], words(Works)),
    (list(PARTS['hook_part']['properties']), list(hook.COLUMNS)),
    (list(PARTS['shielded_user']['properties']), list(shield.COLUMNS)),
    (PARTS['shielded_user']['properties']['state']['enum'],
     words(engine.ShieldState)),
    (list(PARTS['run']['properties']), list(journal.RUNS)),
    (list(PARTS['pruned_run']['properties']), list(journal.PRUNED)),
    (list(PARTS['changed_disk']['properties']), list(journal.CHANGES)),
    (schemas.load('rescue')['properties']['ways']['items']['properties'][
        'way']['enum'], words(RescueKind)),
    (schemas.load('rescue')['properties']['state']['enum'],
     words(GuestState)),
    (schemas.load('check')['properties']['severity']['enum'],
     words(Severity))])
def test_the_words_are_those_of_the_code(found, expected):
    assert found == expected


@pytest.fixture
def printed(cloud, run, monkeypatch, capsys, tmp_path):
    """Return a document of each kind, with an entry in each list."""
    cloud.write_nova_conf(host='cmp1')
    place = cloud.domains('cmp1')
    place.live_texts[memory.uuid(1)] = place.texts[memory.uuid(1)]
    place.secret_value = lambda uuid: b'key'
    old = memory.addrs(memory.OLD)
    monkeypatch.setattr(processes, 'running', lambda: [Guest(
        7, memory.uuid(1), (RbdDisk('vda', 'a/b', 'c', 'S', old, ''),),
        frozenset(old))])
    monkeypatch.setattr(open_check, 'prove', lambda cases, *limits: [
        open_check.Proof(True, None, 0.1) for case in cases])
    monkeypatch.setattr(main, 'CONFIG_FILE', str(tmp_path / 'none'))

    def taken(context, request):
        cluster, = context.clusters
        return (engine.ClusterCensus(
            cluster, ('a', 'b'), ('a',), (WatcherReport(
                Watcher(Image('vms', '', 'web'), 7, '192.0.2.1:0/1'), ('b',),
                GuestState.FOLLOWING, True),), {}, {}),)

    def part(context):
        return (engine.HookPart('script', 'missing', None, ''),)

    def rescued(context, request, undisturbed):
        report, = engine.guests(context, worlds.request()).guests
        claim = fake_qemu.claims()[0]
        node = BlockNode('n', 'raw', {}, False, 'off', False, False)
        return engine.RescueResult(engine.RescuePlan(
            report, Instance(memory.uuid(1), 'cmp1'), context.clusters, (),
            (DiskMove(claim, 'd', node, node, None, None, '1'),),
            (Refusal(None, 'no'),)), 'R', RescueOutcome(
                Verdict.FAILED, 'why', 0.1))

    monkeypatch.setattr(engine, 'hook_status', part)
    monkeypatch.setattr(engine, 'shield_status', lambda context: (
        engine.ShieldResult('/c', (engine.ShieldedUser(
            'cinder', engine.ShieldState.OUTDATED, worlds.FSID, old,
            'n'),))))
    monkeypatch.setattr(engine, 'take_census', taken)
    monkeypatch.setattr(engine, 'rescue', rescued)
    monkeypatch.setattr(
        engine, 'lifelines_on_host', lambda context, request, fsid:
        engine.LifelineResult(context.clusters, (ClusterLifelines(
            'ceph', worlds.FSID, ('a',), 1, LifelinePlan(
                (1,), (Lifeline('192.0.2.1', ('v1:192.0.2.1:6789/0',), 'z',
                                (1,), (LifelineWay(
                                    WayKind.SET_ADDRS, 'a', ('c',),
                                    ('d',)),)),),
                ('192.0.2.2',), (), (2,), True)),), 1))
    found = {
        'status': run(status), 'verify': run(verify), 'guests': run(guests),
        'dry-run': run(refresh, dry_run=True), 'monitors': run(monitors),
        'preflight': run(preflight), 'check': run(check, textfile=None),
        'hook': run(hook, action='status'), 'refresh': run(refresh),
        'shield': run(shield, action='status'),
        'gate': run(gate, mon=['a']),
        'lifeline': run(lifeline, action='plan'),
        'census': run(guests, host=[], from_ceph=True),
        'rescue': run(guests, rescue=memory.uuid(1), in_place=True)}
    made = found['refresh'][1]['run']
    found['rollback'] = run(rollback, run=made)
    for action in ('list', 'show', 'prune'):
        found[f'journal-{action}'] = run(journal, action=action, run=made,
                                         keep=1)
    with pytest.raises(SystemExit):
        main.main(['status', '-f', 'json', '--nonsense'])
    found['error'] = 2, json.loads(capsys.readouterr().out), ''
    documents = {name: document for name, (_, document, _) in found.items()}
    documents['status']['findings'] = [schema.finding(sample.FINDING)]
    return documents


def objects(found, name=''):
    """Yield each object of a document with the key that leads to it."""
    if isinstance(found, dict):
        yield name, found
        for key, each in found.items():
            yield from objects(each, key)
    elif isinstance(found, list):
        # The entries of a list are alike.
        for each in found[:1]:
            yield from objects(each)


def test_documents_with_other_keys_are_refused(printed):
    assert sorted(printed) == sorted(COMMANDS)
    for name, document in printed.items():
        schemas.check(name, document)
        for key, found in objects(document):
            refused(name, document, found, nonsense=1)
            if key not in MAPS:
                for each in list(found):
                    refused(name, document, found, each)


def refused(name, document, found, *missing, **more):
    """Change an object of a document for a moment: it must be refused."""
    before = copy.copy(found)
    for key in missing:
        del found[key]
    found.update(more)
    with pytest.raises(jsonschema.ValidationError):
        schemas.check(name, document)
    found.clear()
    found.update(before)


@pytest.mark.parametrize('name', ['status', 'refresh'])
def test_a_report_without_its_end_needs_an_error(printed, name):
    document = printed[name]
    del document['summary']
    with pytest.raises(jsonschema.ValidationError):
        schemas.check(name, document)
    schemas.check(name, {**document, **printed['error']})


def test_output_is_checked_by_its_command_line():
    text = json.dumps({'version': 2, 'runs': []})
    schemas.check_words(['--debug', 'journal', 'list', '-f', 'json'], text)
    schemas.check_words(['journal', 'show', 'R'], 'text')
    with pytest.raises(jsonschema.ValidationError):
        schemas.check_words(['status', '-f', 'json'], text)
