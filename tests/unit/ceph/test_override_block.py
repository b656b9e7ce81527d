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

"""The marked block in a ceph.conf."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess

import hypothesis
from hypothesis import strategies
import pytest

from rbd_mon_fix.ceph import conf as ceph_conf
from rbd_mon_fix.ceph import ini
from rbd_mon_fix.ceph import mon_host
from rbd_mon_fix.ceph import override_block
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.shield import Override

BOUND = 30
FSID = '7f3c1c52-3f0a-4a37-9a3e-0d5b1c2e4f60'
OTHER = '00000000-3f0a-4a37-9a3e-0d5b1c2e4f60'


def override(user='cinder', *addrs, fsid=FSID):
    return Override(user, fsid, tuple(map(
        MonAddr.parse, addrs or ('192.0.2.21', '192.0.2.22'))))


CINDER = override()
DOUBTED = dataclasses.replace(override('glance'), is_proven=False)
NOVA = override('nova', '192.0.2.31:6789', '[2001:db8::31]', fsid=OTHER)

PLAIN = '[global]\nmon_host = 192.0.2.1\n'
TEXTS = {
    'empty': '',
    'plain': PLAIN,
    'no newline': PLAIN[:-1],
    'a comment without a newline': f'{PLAIN}# the end',
    'CRLF': PLAIN.replace('\n', '\r\n'),
    'CR': PLAIN.replace('\n', '\r'),
    'the same section': f'{PLAIN}[client.cinder]\nkeyring = /k\n[mon]\n',
    'not ASCII': f'{PLAIN}# für später\n',
    'blank lines': f'\n\n{PLAIN}\n\n',
    'a long line': f'{PLAIN}a = 1, \\\n 2\n',
    'the last line continues': f'{PLAIN}a = 1 \\\n',
    'a backslash at the end': f'{PLAIN}a = 1 \\',
}


def settings(text, user):
    """Return what a client of a user reads, by our own reader."""
    merged = {}
    parsed = ini.parse(text)
    for section in ('global', 'client', f'client.{user}'):
        merged.update(parsed.get(section, {}))
    return merged


@pytest.mark.parametrize('text', TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize('overrides', [
    (CINDER,), (CINDER, NOVA), (NOVA, CINDER), (CINDER, DOUBTED)], ids=repr)
def test_put_and_remove_restore_each_byte(text, overrides):
    put = override_block.put(text, overrides)
    assert put.startswith(text)
    assert override_block.find(put).overrides == overrides
    assert override_block.put(put, overrides) == put
    assert override_block.put(put, ()) == text


@pytest.mark.parametrize('text', TEXTS.values(), ids=TEXTS)
def test_only_the_users_read_it(text):
    put = override_block.put(text, (CINDER, NOVA))
    before = settings(text, 'cinder')
    assert settings(put, 'cinder') == {
        **before, 'mon_host_override': '192.0.2.21,192.0.2.22'}
    assert settings(put, 'nova')['mon_host_override'] == (
        '192.0.2.31:6789,[2001:db8::31]')
    for user in ('admin', 'cinder2'):
        assert settings(put, user) == settings(text, user)


def test_the_whole_text():
    assert override_block.put(f'{PLAIN}# x', (CINDER,)) == (
        '[global]\nmon_host = 192.0.2.1\n# x\n'
        '# BEGIN rbd-mon-fix shield, the line before had no newline: managed '
        'by "rbd-mon-fix shield", do not edit\n'
        f'# cluster {FSID}\n'
        '[client.cinder]\n'
        'mon_host_override = 192.0.2.21,192.0.2.22\n'
        '# END rbd-mon-fix shield\n')


def test_a_section_that_is_not_proven_yet():
    """The mark is a comment, which librados does not read."""
    put = override_block.put(PLAIN, (DOUBTED,))
    assert f'# cluster {FSID}, not proven yet\n[client.glance]\n' in put
    proven = dataclasses.replace(DOUBTED, is_proven=True)
    assert ini.parse(put) == ini.parse(override_block.put(PLAIN, (proven,)))
    assert override_block.put(put, (proven,)) == override_block.put(
        PLAIN, (proven,))


def test_librados_reads_the_addresses():
    put = override_block.put(PLAIN, (NOVA,))
    monitors = mon_host.parse(settings(put, 'nova')['mon_host_override'])
    assert [each.addrs for each in monitors] == [
        (MonAddr('192.0.2.31', 6789),),
        (MonAddr('2001:db8::31', 3300), MonAddr('2001:db8::31', 6789))]


def test_our_reader_of_a_whole_file(tmp_path):
    """The block is a copy of what the reader looks for."""
    path = tmp_path / 'ceph.conf'
    text = TEXTS['the same section']
    for block, has_override in (((), False), ((CINDER,), True),
                                ((NOVA,), False)):
        path.write_text(override_block.put(text, block))
        found = ceph_conf.load(str(path), user='cinder')
        assert found.settings == settings(text, 'cinder')
        assert found.has_override is has_override


def test_our_reader_after_somebody_has_edited_the_block(tmp_path):
    path = tmp_path / 'ceph.conf'
    path.write_text(override_block.put(PLAIN, (CINDER,)).replace(
        '192.0.2.22', '192.0.2.99'))
    found = ceph_conf.load(str(path), user='cinder')
    assert found.settings == settings(PLAIN, 'cinder')
    assert found.has_override


@pytest.mark.parametrize('text', [PLAIN, PLAIN[:-1]])
def test_a_block_is_replaced_where_it_stands(text):
    behind = '[client.glance]\nkeyring = /g\n'
    old = override_block.put(text, (CINDER, NOVA)) + behind
    new = override_block.put(old, (override('cinder', '192.0.2.9'),))
    assert new.endswith(f'shield\n{behind}') and new.startswith(text)
    assert settings(new, 'cinder')['mon_host_override'] == '192.0.2.9'
    assert 'mon_host_override' not in settings(new, 'nova')
    # Lines that others added need the newline that was added for the block.
    assert override_block.put(new, ()) == PLAIN + behind


@pytest.mark.parametrize('edit', [
    lambda text: text.replace('[client.cinder]\n',
                              '[client.cinder]\nkeyring = /k\n'),
    lambda text: text.replace('192.0.2.21', 'mon1.example.org x'),
    lambda text: text.replace('192.0.2.21', '192.0.2.1:x'),
    lambda text: text.replace('# BEGIN', 'BEGIN'),
    lambda text: text.replace('# END rbd-mon-fix shield\n', ''),
    lambda text: text + text,
    lambda text: text.replace('\n', '\r\n'),
    lambda text: text[:-1] + ' \n',
    lambda text: '# END rbd-mon-fix shield\n# BEGIN rbd-mon-fix shield\n',
    lambda text: text.replace(f'# cluster {FSID}\n', ''),
    lambda text: ''.join(text.splitlines(True)[i] for i in (0, 1, 2, -1)),
])
def test_a_block_that_somebody_edited(edit):
    text = edit(override_block.put(PLAIN, (CINDER,)))
    for refused in (override_block.find, override_block.others,
                    lambda each: override_block.put(each, ()),
                    lambda each: override_block.put(each, (CINDER,))):
        with pytest.raises(ValueError):
            refused(text)


@pytest.mark.parametrize('text', [
    '[global\n', f'{PLAIN}foo\n', f'{PLAIN}foo', f'{PLAIN}a = "1\n'])
def test_a_text_that_is_no_ceph_conf(text):
    with pytest.raises(ValueError):
        override_block.put(text, (CINDER,))


def test_settings_of_others():
    text = ('[global]\nmon host override = 192.0.2.1\n'
            '[client.cinder]\nmon_host_override = 192.0.2.2\n')
    put = override_block.put(text, (NOVA,))
    assert override_block.others(text) == override_block.others(put) == {
        'global': '192.0.2.1', 'client.cinder': '192.0.2.2'}
    assert override_block.others(PLAIN) == {}


@pytest.mark.parametrize('user, safe', [
    ('cinder', True), ('cinder-2.x_y', True), ('nova@site', True),
    ('a b', True), ('', False), (' a', False), ('a ', False), ('a]b', False),
    ('a#b', False), ('a;b', False), ('a\\b', False), ('a\nb', False),
    ('a\x00b', False), ('a\u2028b', False)])
def test_names_that_a_section_can_bear(user, safe):
    assert override_block.is_safe(user) is safe
    if safe:
        put = override_block.put(PLAIN, (override(user),))
        assert override_block.find(put).overrides == (override(user),)


LINES = strategies.lists(strategies.one_of(
    strategies.sampled_from([
        '', '[global]', '[client.cinder]', '[client]', ' [client.nova] # c',
        'mon_host = 192.0.2.1', 'mon host override = 192.0.2.7',
        'keyring = "/k"', '# c', '; c', 'a = 1 \\', '\\', 'a = b ; c',
        '\tx y = z']),
    strategies.from_regex(r'[a-z]{1,3} = [ -~]{0,9}', fullmatch=True)))
TEXT = strategies.builds(
    lambda lines, newline, end: newline.join(lines) + end, LINES,
    strategies.sampled_from(['\n', '\r\n']),
    strategies.sampled_from(['', '\n', '\r\n']))
ADDRS = strategies.lists(strategies.builds(
    MonAddr, strategies.one_of(
        strategies.ip_addresses(v=4).map(str),
        strategies.ip_addresses(v=6).map(str)),
    strategies.sampled_from([None, 3300, 6789, 16789])),
    min_size=1, max_size=7).map(tuple)
OVERRIDES = strategies.lists(strategies.builds(
    Override, strategies.sampled_from(['cinder', 'nova', 'a b']),
    strategies.just(FSID), ADDRS), min_size=1, max_size=3,
    unique_by=lambda each: each.user).map(tuple)


@hypothesis.given(TEXT, OVERRIDES, OVERRIDES)
@hypothesis.settings(deadline=None)
def test_any_text(text, first, second):
    """It is restored, or refused before anything is changed."""
    try:
        put = override_block.put(text, first)
    except ValueError:
        return
    assert override_block.find(put).overrides == first
    again = override_block.put(put, second)
    assert override_block.find(again).overrides == second
    assert override_block.put(again, ()) == text
    for each in second:
        assert settings(again, each.user)['mon_host_override'] == ','.join(
            map(str, each.addrs))


@pytest.mark.skipif(shutil.which('ceph-conf') is None,
                    reason='needs ceph-conf')
@pytest.mark.parametrize('text', [
    text for name, text in TEXTS.items() if text])
def test_librados_reads_the_block(tmp_path, text):
    """It reads the same as our own reader, in any file."""
    path = tmp_path / 'ceph.conf'
    path.write_bytes(override_block.put(text, (CINDER, NOVA)).encode())
    for user, expected in (
            ('cinder', '192.0.2.21,192.0.2.22'), ('admin', ''),
            ('nova', '192.0.2.31:6789,[2001:db8::31]')):
        told = subprocess.run(
            ['ceph-conf', '--conf', path, '--name', f'client.{user}',
             '--show-config-value', 'mon_host_override'],
            check=True, stdout=subprocess.PIPE, text=True, timeout=BOUND)
        assert told.stdout.strip() == expected
