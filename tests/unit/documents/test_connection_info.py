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

"""Reading and editing connection_info, byte for byte."""

import contextlib
import json
import pathlib
import traceback

from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.core import planning
from rbd_mon_fix.documents import connection_info
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.monmap import Monitor
from rbd_mon_fix.model.monmap import MonMap
from rbd_mon_fix.model.plan import State
from tests.unit import memory

SAMPLES = pathlib.Path(__file__).parents[1] / 'samples'
NOVA = (SAMPLES / 'bdm-connection_info.zed.json').read_text().strip()
CINDER = (SAMPLES / 'cinder-volume_attachment.connection_info.zed.json'
          ).read_text().strip()
RIGHT = memory.addrs('10.1.0.1:6789,[fd00::1]:3300')
WORDS = json.dumps(['["10.1.0.1", "fd00::1"]', '["6789", "3300"]'])
SECRET = 'bd341dc4-82ce-4fa7-a378-7a6e331821fb'
DATA = {'name': 'volumes/v', 'hosts': ['10.0.0.1', '10.0.0.2'],
        'ports': ['6789', '6789'], 'auth_enabled': True,
        'auth_username': 'cinder', 'secret_uuid': 'S'}

parse = connection_info.ConnectionInfo.parse


def flat(**fields):
    return {**DATA, 'driver_volume_type': 'rbd', **fields}


def nested(**fields):
    return {'driver_volume_type': 'rbd', 'data': {**DATA, **fields}}


def disk_of(whole):
    document = parse(json.dumps(whole))
    assert document.unreadable == ()
    [disk] = document.disks
    return disk


@pytest.mark.parametrize('text', [NOVA, CINDER], ids=['nova', 'cinder'])
def test_editing_to_the_same_is_a_no_op(text):
    document = parse(text)
    assert document.text == text
    [disk] = document.disks
    assert document.edited({}).text == text
    assert document.edited({'another': WORDS}).text == text
    assert document.edited({disk.key: disk.verbatim}) == document
    # Nova and Cinder write the lists as we do.
    assert document.spell(disk, disk.monitors) == disk.verbatim


@pytest.mark.parametrize('text, volume, end', [
    (NOVA, '7197ba11-9248-4ba0-82e5-f495a5b8b4de', '4de"}'),
    (CINDER, 'c68c3560-a7bb-4839-8e67-82b0f8518929', 'd46"}'),
], ids=['nova', 'cinder'])
def test_real_documents(text, volume, end):
    document = parse(text)
    [disk] = document.disks
    assert text.endswith(end)
    assert disk.key == 'volume'
    assert disk.image == f'volumes/volume-{volume}'
    assert disk.pool == 'volumes'
    assert disk.user == 'cinder'
    assert disk.secret_uuid == 'bd341dc4-82ce-4fa7-a378-7a6e331821fb'
    assert disk.volume_id == volume
    assert disk.monitors == memory.addrs(
        '127.0.0.21:6789,127.0.0.22:6789,127.0.0.23:6789')
    assert not disk.ragged
    edited = document.edited({disk.key: document.spell(disk, RIGHT)})
    assert edited.text == text.replace(
        '["127.0.0.21", "127.0.0.22", "127.0.0.23"]',
        '["10.1.0.1", "fd00::1"]').replace(
        '["6789", "6789", "6789"]', '["6789", "3300"]')
    assert edited.disks[0].monitors == RIGHT
    assert edited.edited({disk.key: disk.verbatim}).text == text


@pytest.mark.parametrize('words', [
    '', '[', '5', '["[]"]', '[5, 5]', '["[", "[]"]', '["[]", "x"]'])
def test_new_lists_that_are_not_json(words):
    document = parse(NOVA)
    with pytest.raises(exceptions.Unreadable, match='not valid JSON'):
        document.edited({'volume': words})


def test_ipv6_is_written_bare():
    document = parse(json.dumps(flat()))
    assert document.spell(document.disk, RIGHT) == WORDS


@pytest.mark.parametrize('hosts, ports, expected', [
    (['10.0.0.1'], ['6789'], '10.0.0.1:6789'),
    (['fd00::1'], ['6789'], '[fd00::1]:6789'),
    (['FD00:0::1'], ['3300'], '[fd00::1]:3300'),
    (['mon1'], [None], 'mon1'),
])
def test_monitors(hosts, ports, expected):
    disk = disk_of(flat(hosts=hosts, ports=ports))
    assert disk.monitors == memory.addrs(expected)
    assert not disk.ragged


@pytest.mark.parametrize('hosts, ports, monitors', [
    (['10.0.0.1'], [6789], ['10.0.0.1:6789']),
    (['10.0.0.1', '10.0.0.2'], ['6789', 6789],
     ['10.0.0.1:6789', '10.0.0.2:6789']),
    (['[fd00::1]'], ['6789'], ['[fd00::1]:6789']),
    (['mon1'], [''], ['mon1']),
    # Monitors without an address, as Cinder splits 0.0.0.0:0/2 and :/0.
    (['10.0.0.1', '0.0.0.0'], ['6789', '0'], ['10.0.0.1:6789', '0.0.0.0:0']),
    (['10.0.0.1', '0.0.0.0'], ['6789', 0], ['10.0.0.1:6789', '0.0.0.0:0']),
    (['0.0.0.0'], ['0'], ['0.0.0.0:0']), (['0.0.0.0'], [''], ['0.0.0.0:0']),
    (['::'], ['0'], ['[::]:0']), (['[::]'], ['0'], ['[::]:0']),
    ([''], [''], ['0.0.0.0:0']), ([''], [None], ['0.0.0.0:0']),
])
def test_spellings_that_nova_or_qemu_cannot_use(hosts, ports, monitors):
    for shape in (flat, nested):
        document = parse(json.dumps(shape(hosts=hosts, ports=ports)))
        assert list(map(str, document.disk.monitors)) == monitors
        assert document.disk.ragged
        edited = document.edited({'volume': WORDS})
        assert (edited.disk.monitors, edited.disk.ragged) == (RIGHT, False)
        assert parse(edited.text) == edited
        back = edited.edited({'volume': document.disk.verbatim})
        assert back == document


def test_odd_spellings_of_the_right_list_are_not_current():
    monmap = MonMap(tuple(Monitor('', addr, (addr,)) for addr in RIGHT))
    for hosts, ports, state in (
            (['10.1.0.1', 'fd00::1'], ['6789', '3300'], State.CURRENT),
            (['10.1.0.1', 'fd00::1'], ['6789', 3300], State.DRIFTED),
            (['10.1.0.1', '[fd00::1]'], ['6789', '3300'], State.DRIFTED)):
        disk = disk_of(flat(hosts=hosts, ports=ports))
        assert planning.compare(disk, monmap, {}) is state


@pytest.mark.parametrize('hosts, ports', [
    (['10.0.0.1', '10.0.0.2'], ['6789']),
    (['10.0.0.1'], ['6789', '6789']),
    (['10.0.0.1', 'no host!'], ['6789']),
    (['10.0.0.1'], ['6789', 'no port!']),
])
def test_lists_of_unequal_length_are_read_as_nova_reads_them(hosts, ports):
    disk = disk_of(nested(hosts=hosts, ports=ports))
    assert disk.monitors == memory.addrs('10.0.0.1:6789')
    assert disk.ragged
    document = parse(json.dumps(nested(hosts=hosts, ports=ports)))
    edited = document.edited({'volume': WORDS})
    assert edited.disks[0].monitors == RIGHT
    assert not edited.disks[0].ragged
    back = edited.edited({'volume': disk.verbatim})
    assert back.text == document.text


@pytest.mark.parametrize('fields, user, secret', [
    ({}, 'cinder', 'S'),
    ({'auth_enabled': False}, None, None),
    ({'auth_enabled': None}, None, None),
    ({'auth_username': None, 'secret_uuid': None}, None, None),
    ({'auth_username': ''}, None, 'S'),
    ({'secret_uuid': SECRET.upper()}, 'cinder', SECRET),
    ({'secret_uuid': SECRET.replace('-', '')}, 'cinder', SECRET),
])
def test_auth(fields, user, secret):
    for whole in (flat(**fields), nested(**fields)):
        disk = disk_of(whole)
        assert (disk.user, disk.secret_uuid, disk.secret_usage) == (
            user, secret, None)


def test_a_cluster_without_cephx():
    """Without rbd_user, Cinder names neither user nor secret."""
    whole = flat(auth_enabled=False, auth_username=None)
    del whole['secret_uuid']
    disk = disk_of(whole)
    assert (disk.user, disk.secret_uuid, disk.ragged) == (None, None, False)


def test_the_spelling_of_a_secret_stays():
    text = json.dumps(flat(secret_uuid=SECRET.upper()))
    edited = parse(text).edited({'volume': WORDS})
    assert SECRET.upper() in edited.text


@pytest.mark.parametrize('whole, expected', [
    (flat(volume_id='V'), 'V'),
    (flat(), None),
    (flat(volume_id=None), None),
    (nested(volume_id='V'), 'V'),
    ({**nested(), 'volume_id': 'W'}, 'W'),
    ({**nested(volume_id='V'), 'volume_id': 'W'}, 'V'),
    (nested(), None),
])
def test_volume(whole, expected):
    assert disk_of(whole).volume_id == expected


@pytest.mark.parametrize('whole', [
    {'driver_volume_type': 'iscsi', 'data': {'target_iqn': 'x'}},
    {'driver_volume_type': 'iscsi', 'target_portal': 'x'},
    {'driver_volume_type': 'local', 'data': None},
    {'driver_volume_type': 'RBD', **DATA},
    {'driver_volume_type': ['rbd'], **DATA},
    {'data': {'driver_volume_type': 'nfs'}},
])
def test_other_drivers_are_none_of_ours(whole):
    assert parse(json.dumps(whole)) is None


def test_the_driver_may_stand_with_the_data():
    whole = {'data': {**DATA, 'driver_volume_type': 'rbd'}}
    assert disk_of(whole).image == 'volumes/v'


@pytest.mark.parametrize('text', [
    None, '', ' ', 'null', '{}', '[]', '"rbd"', '0', 'true', '{', 'rbd',
    "{'driver_volume_type': 'rbd'}", '{"a": 1}{"b": 2}', '\ufeff{"a": 1}',
    '[' * 100000, '{"a":' * 100000, '{"data": {}}', '{"data": null}',
    '{"driver_volume_type": null}',
])
def test_no_connection_info(text):
    with pytest.raises(exceptions.Unreadable):
        parse(text)


@pytest.mark.parametrize('fields', [
    {'hosts': []}, {'ports': []}, {'hosts': [], 'ports': []},
    {'hosts': None}, {'ports': None}, {'hosts': '10.0.0.1'}, {'ports': 6789},
    {'hosts': {'10.0.0.1': 1}},
    {'hosts': [None, '10.0.0.2']}, {'hosts': [['10.0.0.1'], '10.0.0.2']},
    {'hosts': ['', '10.0.0.2']}, {'hosts': ['10.0.0.1:6789', '10.0.0.2']},
    {'hosts': ['a b', '10.0.0.2']}, {'hosts': ['10.0.0.1\n', '10.0.0.2']},
    {'ports': ['x', '6789']}, {'ports': [0, 6789]}, {'ports': [True, 6789]},
    {'hosts': ['', '10.0.0.2'], 'ports': ['0', '6789']},
    {'hosts': ['[]', '10.0.0.2'], 'ports': ['0', '6789']},
    {'name': None}, {'name': ''}, {'name': 'volume'}, {'name': ['a/b']},
    {'auth_username': ['cinder']}, {'auth_username': 5},
    {'secret_uuid': {'a': 1}}, {'volume_id': ['x']}, {'volume_id': 7},
])
@pytest.mark.parametrize('shape', [flat, nested])
def test_unreadable(shape, fields):
    with pytest.raises(exceptions.Unreadable):
        parse(json.dumps(shape(**fields)))


@pytest.mark.parametrize('missing', ['hosts', 'ports', 'name'])
@pytest.mark.parametrize('shape', [flat, nested])
def test_something_is_missing(shape, missing):
    whole = shape()
    del whole.get('data', whole)[missing]
    with pytest.raises(exceptions.Unreadable):
        parse(json.dumps(whole))


@pytest.mark.parametrize('fields', [
    {'hosts': [{'keyring': 'AQBSECRET=='}, '10.0.0.2']},
    {'hosts': ['AQBSECRET==', '10.0.0.2']},
    {'ports': ['AQBSECRET==', '6789']},
    {'name': 'AQBSECRET=='},
    {'auth_username': ['AQBSECRET==']},
    {'volume_id': {'AQBSECRET==': 1}},
])
def test_no_word_of_the_document_is_in_the_reason(fields):
    with pytest.raises(exceptions.Unreadable) as caught:
        parse(json.dumps(flat(**fields)))
    shown = traceback.format_exception(
        type(caught.value), caught.value, caught.value.__traceback__)
    assert 'SECRET' not in ''.join(shown)


@pytest.mark.parametrize('shape', [flat, nested])
def test_a_keyring_stays_and_is_not_shown(shape):
    text = json.dumps(shape(keyring='[client]\n key = AQBSECRET=='))
    document = parse(text)
    assert 'SECRET' not in repr(document)
    edited = document.edited({'volume': WORDS})
    assert 'SECRET' not in repr(edited)
    assert 'key = AQBSECRET==' in edited.text
    assert 'SECRET' not in document.disks[0].verbatim


@pytest.mark.parametrize('template', [
    '{"driver_volume_type":"rbd","name":"p/i","hosts":@H,"ports":@P}',
    '{"ports": @P, "hosts": @H, "name": "p/i", "driver_volume_type": "rbd"}',
    ' \t\r\n{ "driver_volume_type" : "rbd" , "name":"p/i","hosts"\n:\t@H ,'
    '"ports" :@P\r\n}\n ',
    '{"driver_volume_type": "rbd", "data": {"name": "p/i", "hosts": @H,'
    ' "x": {"hosts": ["a"], "ports": ["1"]}, "ports": @P}, "hosts": [],'
    ' "ports": null}',
    # Of duplicate names, the last one counts.
    '{"driver_volume_type": "iscsi", "driver_volume_type": "rbd", "name":'
    ' "p/i", "hosts": [], "hosts": @H, "ports": @P, "hosts": @H, "ports":'
    ' @P}',
    '{"data": 5, "driver_volume_type": "rbd", "data": {"name": "p/i", "hosts":'
    ' @H, "ports": @P}}',
    '{"driver_volume_type": "rbd", "name": "p\\/i", "h\\u006fsts": @H,'
    ' "p\\u006frts": @P}',
    '{"driver_volume_type": "rbd", "name": "p/i", "hosts": @H, "ports": @P,'
    ' "note": "\\"hosts\\": [], } \\\\", "\u00e4": "\U0001f600\\ud83d", "n":'
    ' [-1.5e+3, NaN, 1E400, true, {}, []], "": ""}',
])
def test_formats_are_kept(template):
    """Only the lists that count are replaced; the text before them stays."""
    def written(hosts, ports):
        return _last(_last(template, '@H', hosts), '@P', ports).replace(
            '@H', '["10.9.9.9"]').replace('@P', '["9999"]')

    text = written('[ "10.0.0.1" ,"10.0.0.\\u0032"]', '["6789","678\\u0039"]')
    document = parse(text)
    assert document.disks[0].monitors == memory.addrs(
        '10.0.0.1:6789,10.0.0.2:6789')
    assert document.edited({'volume': document.disk.verbatim}).text == text
    edited = document.edited({'volume': WORDS})
    assert edited.text == written(*json.loads(WORDS))
    assert edited.edited({'volume': document.disk.verbatim}).text == text


def _last(text, token, words):
    head, _, tail = text.rpartition(token)
    return head + words + tail


# Properties, over documents in any spelling. A document is built with two
# tokens for the lists, so that the expected result is known.

HOSTS, PORTS = '@HOSTS@', '@PORTS@'
FEW = settings(max_examples=40)
KEYS = st.one_of(st.sampled_from(['data', 'hosts', 'ports', 'keyring', '']),
                 st.text(max_size=5))
BLANK = st.text(' \t\r\n', max_size=2)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6)
    | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(KEYS, inner, max_size=3), max_leaves=6)
ADDRS = st.lists(st.builds(
    MonAddr, st.ip_addresses().filter(
        lambda address: not address.is_unspecified).map(str),
    st.integers(1, 65535)),
    min_size=1, max_size=5)
HOST = st.ip_addresses().map(str) | st.ip_addresses(v=6).map('[{}]'.format)
LISTS = st.lists(
    st.tuples(HOST, st.integers(1, 65535).map(str) | st.integers(1, 65535))
    | st.sampled_from([('0.0.0.0', '0'), ('0.0.0.0', 0), ('::', '0'),
                       ('[::]', 0), ('', '')]),
    min_size=1, max_size=4).map(lambda pairs: tuple(map(list, zip(*pairs))))


@st.composite
def strings(draw, text):
    style = draw(st.sampled_from(['ascii', 'utf-8', 'escapes']))
    if style == 'escapes':
        units = text.encode('utf-16-be', 'surrogatepass')
        return '"' + ''.join(f'\\u{units[at]:02x}{units[at + 1]:02X}'
                             for at in range(0, len(units), 2)) + '"'
    return json.dumps(text, ensure_ascii=style == 'ascii')


@st.composite
def objects(draw, pairs):
    members = [draw(BLANK) + draw(strings(key)) + draw(BLANK) + ':'
               + draw(BLANK) + value + draw(BLANK) for key, value in pairs]
    return '{' + (','.join(members) or draw(BLANK)) + '}'


@st.composite
def members(draw, wanted, taken=()):
    """Return members in any order, some of them more than once.

    The wanted members follow others of the same name, because the last one
    counts; no others have a name that is already taken.
    """
    noise = draw(st.lists(st.tuples(
        KEYS, VALUES.map(json.dumps)), max_size=4))
    early = [(key, value) for key, value in noise if key not in taken]
    late = [(key, value) for key, value in early
            if key not in dict(wanted)]
    return early + draw(st.permutations([*wanted, *late]))


@st.composite
def templates(draw):
    data = [('name', '"pool/image"'), ('hosts', HOSTS), ('ports', PORTS)]
    driver = ('driver_volume_type', '"rbd"')
    if draw(st.booleans()):
        whole = [*data, driver]
        taken = ('data',)
    else:
        inner = draw(objects(draw(members(data))))
        whole = [('data', inner), driver]
        taken = ()
    return (draw(BLANK) + draw(objects(draw(members(whole, taken))))
            + draw(BLANK))


def filled(template, hosts, ports):
    return template.replace(HOSTS, hosts).replace(PORTS, ports)


@st.composite
def documents(draw):
    """Return a template, and a document with its lists filled in."""
    template = draw(templates())
    hosts, ports = draw(LISTS)
    return template, parse(filled(
        template, json.dumps(hosts), draw(BLANK).join(
            ['[', ','.join(map(json.dumps, ports)), ']'])))


@given(documents(), ADDRS)
def test_what_is_written_is_what_was_meant(made, monitors):
    template, document = made
    words = document.spell(document.disk, tuple(monitors))
    edited = document.edited({'volume': words})
    assert edited.text == filled(template, *json.loads(words))
    assert edited.disks[0].monitors == tuple(monitors)
    assert not edited.disks[0].ragged
    assert edited.disks[0].verbatim == words
    assert parse(edited.text) == edited


@FEW
@given(documents())
def test_the_same_words_change_nothing(made):
    _, document = made
    assert document.edited({'volume': document.disk.verbatim}) == document


@FEW
@given(documents(), ADDRS)
def test_twice_is_once(made, monitors):
    _, document = made
    words = document.spell(document.disk, tuple(monitors))
    once = document.edited({'volume': words})
    assert once.edited({'volume': words}) == once


@FEW
@given(documents(), ADDRS)
def test_the_inverse_restores_every_byte(made, monitors):
    _, document = made
    words = document.spell(document.disk, tuple(monitors))
    edited = document.edited({'volume': words})
    assert edited.edited({'volume': document.disk.verbatim}) == document


@FEW
@given(documents(), ADDRS)
def test_all_but_the_lists_is_equal_as_json(made, monitors):
    _, document = made
    words = document.spell(document.disk, tuple(monitors))
    before = json.loads(document.text)
    after = json.loads(document.edited({'volume': words}).text)
    hosts, ports = map(json.loads, json.loads(words))
    place = (after['data'] if isinstance(after.get('data'), dict) else after)
    assert (place['hosts'], place['ports']) == (hosts, ports)
    origin = (before['data'] if isinstance(before.get('data'), dict)
              else before)
    place.update(hosts=origin['hosts'], ports=origin['ports'])
    assert after == before


@given(st.text() | VALUES.map(json.dumps))
def test_whatever_it_is_it_is_read_or_refused(text):
    try:
        document = parse(text)
    except exceptions.Unreadable:
        return
    assert document is None or document.text == text


@pytest.mark.parametrize('key, value', [
    ('volume_id', '\ud800'), ('volume_id', 'a\0b'), ('name', 'p/\udfff'),
    ('auth_username', '\ud800'), ('secret_uuid', 'a\0')])
def test_words_that_are_not_text(key, value):
    with pytest.raises(exceptions.Unreadable, match=f'{key} has characters'):
        parse(json.dumps(flat(**{key: value})))


def test_a_document_that_is_not_text():
    with pytest.raises(exceptions.Unreadable, match='not text'):
        parse(json.dumps(flat()).replace('volumes', '\ud800'))


@pytest.mark.parametrize('depth', [*range(900, 1000, 5), 100_000])
@pytest.mark.parametrize('where', ['x', 'ports', 'hosts'])
def test_a_document_that_is_nested_deeply(depth, where):
    text = json.dumps(flat(**{where: ['NEST']})).replace(
        '"NEST"', '[' * depth + ']' * depth)
    with contextlib.suppress(exceptions.Unreadable):
        parse(text)
        assert where == 'x'


def test_a_monitor_without_a_port_is_written_as_nova_reads_it():
    document = parse(json.dumps(flat()))
    right = memory.addrs('mon1,10.0.0.1:3300')
    edited = document.edited(
        {document.disk.key: document.spell(document.disk, right)})
    assert edited.disk.monitors == parse(edited.text).disk.monitors == right
    assert not edited.disk.ragged
