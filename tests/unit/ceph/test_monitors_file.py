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

"""The monitors file, both handwritten and generated from reports."""

import dataclasses
import json
import pathlib
import subprocess
import sys

import jsonschema
import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.ceph import monitors_file
from rbd_mon_fix.model.cluster import Backend
from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.model.cluster import Source
from rbd_mon_fix.model.history import FormerMonitor
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.monmap import Monitor
from rbd_mon_fix.model.monmap import MonMap
from rbd_mon_fix.report import schema

SCHEMA = pathlib.Path(monitors_file.__file__).with_name(
    'monitors_file.schema.json')
FSID = '8a531320-0f05-4842-a642-2f40a98c65ab'
A, A2 = MonAddr('10.0.0.1', 6789), MonAddr('10.0.0.1', 3300)
B = MonAddr('fd00::1', 6789)
FULL = Cluster(
    name='ceph', fsid=FSID, source=Source.MONITORS_FILE,
    monmap=MonMap((Monitor('', A, (A2, A)), Monitor('', B, (B,)))),
    backends=(Backend('cinder', 'ssd', 'volumes', 'cinder', 'S', 'ctl'),
              Backend('libvirt', '', None, None, None)))
BARE = Cluster('slow', None, Source.MONITORS_FILE,
               MonMap((Monitor('', B, (B,)),)), ())
UNKNOWN = Cluster('lost', None, Source.NONE, MonMap(()), ())


@pytest.fixture
def load(tmp_path):
    def loaded(document):
        path = tmp_path / 'monitors.json'
        path.write_text(document if isinstance(document, str)
                        else json.dumps(document))
        return monitors_file.MonitorsFile(str(path)).clusters()
    return loaded


def cluster(**changes):
    return {'name': 'ceph', 'monitors': ['10.0.0.1:6789'], **changes}


@pytest.mark.parametrize('version', [1, 2])
def test_what_reports_write_can_be_read(load, version):
    clusters = (FULL, BARE, UNKNOWN)
    once = load({'version': version, 'records': [], 'clusters': [
        schema.cluster(dataclasses.replace(
            each, source=Source.MON_DUMP if each.monmap.monitors
            else Source.NONE), frozenset({A})) for each in clusters]})
    assert once == tuple(dataclasses.replace(
        each, first_source='mon-dump' if each.monmap.monitors else '')
        for each in clusters)
    # The first source stays in a file that was made from a file.
    assert load({'clusters': [schema.cluster(each, None)
                              for each in once]}) == once


def test_former_monitors(load):
    former = (FormerMonitor('a', (A, A2), 3, 7, '2026-11-20T01:02:03Z'),
              FormerMonitor('', (B,), 0, 0))
    told = dataclasses.replace(FULL, former=former, written='2026-11-26')
    for greeted, read in ((None, None), (frozenset(), frozenset()),
                          (frozenset({A}), frozenset({A, A2}))):
        document = {'clusters': [schema.cluster(dataclasses.replace(
            told, greeted=greeted, span=(3, 9)), frozenset())]}
        assert load(document) == (dataclasses.replace(
            told, greeted=read, span=(3, 9), first_source='monitors-file'),)
    by_hand = {'clusters': [{'name': 'x', 'monitors': [str(B)], 'former': [
        {'addresses': ['10.0.0.1:6789']}]}]}
    assert load(by_hand)[0].former == (FormerMonitor('', (A,), 0, 0),)
    by_hand['clusters'][0]['former'][0]['addresses'] = []
    with pytest.raises(exceptions.ConfigError, match='addresses is empty'):
        load(by_hand)


def test_a_secret_in_another_spelling(load):
    [found] = load({'clusters': [cluster(backends=[
        {'owner': 'cinder', 'secret_uuid': FSID.upper()}])]})
    assert [backend.secret_uuid for backend in found.backends] == [FSID]


def test_written_by_hand(load):
    assert load({'clusters': [
        {'name': 'slow', 'monitors': ['[fd00::1]:6789']}]}) == (BARE,)


def test_an_upper_case_fsid(load):
    found, = load({'clusters': [cluster(fsid=FSID.upper())]})
    assert found.fsid == FSID


ERRORS = [
    ([], 'the top level must be an object'),
    ({}, 'clusters is missing'),
    ({'version': 3, 'clusters': [cluster()]}, 'version must be 1 or 2'),
    ({'version': None, 'clusters': [cluster()]}, 'version must be 1 or 2'),
    ({'version': True, 'clusters': [cluster()]}, 'version must be 1 or 2'),
    ({'clusters': {}}, 'clusters must be a list'),
    ({'clusters': []}, 'clusters is empty'),
    ({'clusters': [5]}, 'clusters[0] must be an object'),
    ({'clusters': [cluster(), {'monitors': ['10.0.0.1:6789']}]},
     'clusters[1].name is missing'),
    ({'clusters': [cluster(name=5)]}, 'clusters[0].name must be a string'),
    ({'clusters': [cluster(name='')]}, 'clusters[0].name is empty'),
    ({'clusters': [cluster(name='x' * 256)]},
     'clusters[0].name is longer than 255 characters'),
    ({'clusters': [{'name': 'a'}]}, 'clusters[0].monitors is missing'),
    ({'clusters': [cluster(monitors=[])]}, 'clusters[0].monitors is empty'),
    ({'clusters': [cluster(monitors=[], source='mon-dump')]},
     'clusters[0].monitors is empty'),
    ({'clusters': [cluster(monitors='10.0.0.1:6789')]},
     'clusters[0].monitors must be a list'),
    ({'clusters': [cluster(monitors=['10.0.0.1:6789', 5])]},
     'clusters[0].monitors[1] must be a string'),
    ({'clusters': [cluster(monitors=['10.0.0.1:x'])]},
     'clusters[0].monitors[0]: '),
    ({'clusters': [cluster(monitors=['10.0.0.1'])]},
     'clusters[0].monitors[0] must be an IP address with a port'),
    ({'clusters': [cluster(monitors=['mon1:6789'])]},
     'clusters[0].monitors[0] must be an IP address with a port'),
    ({'clusters': [cluster(monitors=['10.0.0.1:6789', '10.0.0.1:6789'])]},
     'clusters[0].monitors: 10.0.0.1:6789 occurs 2 times'),
    ({'clusters': [cluster(addresses=[])]},
     'clusters[0].addresses has 0 entries, but monitors has 1'),
    ({'clusters': [cluster(addresses={})]},
     'clusters[0].addresses must be a list or null'),
    ({'clusters': [cluster(addresses=['10.0.0.1:6789'])]},
     'clusters[0].addresses[0] must be a list'),
    ({'clusters': [cluster(addresses=[['10.0.0.1:3300']])]},
     'clusters[0].addresses[0] lacks 10.0.0.1:6789'),
    ({'clusters': [cluster(addresses=[['x', '10.0.0.1:6789']])]},
     'clusters[0].addresses[0][0]'),
    ({'clusters': [cluster(fsid=5)]},
     'clusters[0].fsid must be a string or null'),
    ({'clusters': [cluster(fsid='x')]}, 'clusters[0].fsid is not a UUID'),
    ({'clusters': [cluster(backends=5)]},
     'clusters[0].backends must be a list'),
    ({'clusters': [cluster(backends=[{}])]},
     'clusters[0].backends[0].owner is missing'),
    ({'clusters': [cluster(backends=[{'owner': 'nova', 'pool': 5}])]},
     'clusters[0].backends[0].pool must be a string or null'),
    ({'clusters': [cluster(), cluster()]}, 'the name ceph occurs 2 times'),
    ({'clusters': [cluster(fsid=FSID), cluster(name='b', fsid=FSID)]},
     f'the fsid {FSID} occurs 2 times'),
]


@pytest.mark.parametrize('document, words', ERRORS)
def test_errors_name_the_spot(load, tmp_path, document, words):
    with pytest.raises(exceptions.ConfigError) as caught:
        load(document)
    path = tmp_path / 'monitors.json'
    assert caught.value.message.startswith(
        f'Invalid monitors file {path}: {words}')
    assert 'monitors -f json' in caught.value.hint
    assert '{"clusters": [{"name": ' in caught.value.hint


def test_the_example_of_the_hint_is_valid(load):
    with pytest.raises(exceptions.ConfigError) as caught:
        load({})
    example = caught.value.hint[caught.value.hint.index('{'):]
    assert [each.name for each in load(example)] == ['ceph']


@pytest.mark.parametrize('content, words', [
    (b'', 'is not valid JSON'),
    (b'{"clusters": [}', 'is not valid JSON'),
    (b'\xff', 'is not valid JSON'),
    (b'9' * 5000, ''),
    (b'[' * 100_000, 'is nested too deeply'),
    (b'{"a":' * 100_000, 'is nested too deeply'),
    (b'{"clusters": ' + b'[' * 500 + b']' * 500 + b'}',
     'clusters[0] must be an object'),
    (b' ' * monitors_file.MAX_BYTES + b'{}', 'it is larger than 1 MiB'),
    (b'{"clusters": [%s]}' % b','.join([b'{}'] * 100_000),
     'clusters[0].name is missing'),
    (json.dumps({'clusters': [
        cluster(monitors=['10.0.0.1:6789'] * 50_000)]}).encode(),
     'clusters[0].monitors: 10.0.0.1:6789 occurs 50000 times'),
], ids=range(10))
def test_hostile_files(tmp_path, content, words):
    path = tmp_path / 'monitors.json'
    path.write_bytes(content)
    with pytest.raises(exceptions.ConfigError) as caught:
        monitors_file.MonitorsFile(str(path)).clusters()
    assert words in caught.value.message
    assert len(caught.value.message) < 500


def test_an_endless_file():
    with pytest.raises(exceptions.ConfigError, match='larger than 1 MiB'):
        monitors_file.MonitorsFile('/dev/zero').clusters()


def test_secrets_of_a_wrong_file_are_not_shown(load):
    with pytest.raises(exceptions.ConfigError) as caught:
        load({'clusters': [cluster(monitors=[{'password': 'sesame'}])]})
    assert 'sesame' not in str(caught.value)


def test_every_rule_of_the_schema_has_words():
    """A keyword without a message would end in a traceback."""
    schema = json.loads(SCHEMA.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    annotations = {'$schema', 'title', 'description', 'format'}
    applicators = {'$ref', '$defs', 'properties', 'items', 'if', 'else'}
    assert set(keywords(schema)) - annotations - applicators == {
        'required', 'type', 'const', 'enum', 'minItems', 'minLength',
        'maxLength'}


def keywords(schema):
    for keyword, value in schema.items():
        yield keyword
        if keyword in ('properties', '$defs'):
            for each in value.values():
                yield from keywords(each)
        elif isinstance(value, dict):
            yield from keywords(value)


def test_a_run_without_a_monitors_file_does_not_import_jsonschema():
    code = ('import sys; from rbd_mon_fix.ceph import monitors_file;'
            'sys.exit("jsonschema" in sys.modules)')
    assert subprocess.run([sys.executable, '-c', code]).returncode == 0


def test_a_missing_file(tmp_path):
    with pytest.raises(exceptions.ConfigError, match='Cannot read'):
        monitors_file.MonitorsFile(str(tmp_path / 'none.json')).clusters()


@pytest.mark.parametrize('document, shown', [
    ('{"clusters": [{"name": "a", "monitors": ["10.0.0.1:1"]}]}', '1 1'),
    ('{}', 'Invalid monitors file on standard input: '),
    ('', 'The monitors file on standard input is not valid JSON'),
    ('x' * (monitors_file.MAX_BYTES + 1), 'it is larger than 1 MiB')],
    ids=['right', 'invalid', 'empty', 'large'])
def test_standard_input_is_read_once(document, shown):
    done = subprocess.run([sys.executable, '-c', '''
from rbd_mon_fix import exceptions
from rbd_mon_fix.ceph import monitors_file
given = monitors_file.MonitorsFile('-')
try:
    print(len(given.clusters()), len(given.clusters()))
except exceptions.ConfigError as first:
    try:
        given.clusters()
    except exceptions.ConfigError as second:
        assert str(first) == str(second)
        print(first)
'''], input=document, capture_output=True, text=True, timeout=60)
    assert done.stderr == ''
    assert shown in done.stdout


def test_standard_input_that_is_closed():
    done = subprocess.run(
        ['sh', '-c', 'exec "$@" <&-', 'sh', sys.executable, '-c', '''
from rbd_mon_fix.ceph import monitors_file
monitors_file.MonitorsFile('-').clusters()
'''], stderr=subprocess.PIPE, text=True, timeout=60)
    assert ('Cannot read the monitors file on standard input: Bad file '
            'descriptor.') in done.stderr
