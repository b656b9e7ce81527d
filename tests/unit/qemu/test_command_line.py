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

"""Command lines of QEMU, as written by several versions of libvirt."""

from __future__ import annotations

import json
import pathlib

from hypothesis import given
from hypothesis import strategies
import pytest

from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.qemu import command_line

SAMPLES = pathlib.Path(__file__).parents[1] / 'samples'
ARGV = (SAMPLES / 'qemu-cmdline.txt').read_text().splitlines()
UUID = 'ddee15e6-74fe-4a44-9b26-4ba7df465bcd'
KEY = 'AQApdgRrVNrTChAAiE1l1rznerEoAFlrPZbM7A=='

# As libvirt 5 writes it, with the key of the cephx user.
OLD = (r'file=rbd:vms/root:id=cinder:key=' + KEY.replace('=', r'\=')
       + r':auth_supported=cephx\;none:mon_host=10.0.0.1\:6789\;'
       r'\[fd00\:\:1\]\:6789\;mon-c\:3300,file.password-secret=s0,'
       'format=raw,if=none,id=drive-virtio-disk0,cache=none')


def parsed(*argv):
    """Return the image, user and monitors of each disk."""
    return [(disk.image, disk.user, list(map(str, disk.monitors)))
            for disk in command_line.disks(['qemu-system-x86_64', *argv])]


@pytest.mark.parametrize('argv, yes', [
    (ARGV, True), (['/usr/libexec/qemu-kvm'], True), (['/usr/bin/kvm'], True),
    (['qemu-system-aarch64', '-S'], True), ([], False), ([''], False),
    (['qemu-img', 'info'], False), (['/usr/sbin/libvirtd'], False),
    (['vi', 'qemu-system-x86_64'], False), (['qemu-nbd'], False)])
def test_is_qemu(argv, yes):
    assert command_line.is_qemu(argv) is yes


@pytest.mark.parametrize('argv, found', [
    (ARGV, UUID),
    (['-uuid', UUID.upper(), '-name', 'guest=g'], UUID),
    (['--uuid', UUID], UUID),
    (['-name', 'guest=web,,1,debug-threads=on'], 'web,1'),
    (['-name', 'web'], 'web'),
    (['-name', 'process=x'], None), (['-uuid', 'none'], None), ([], None),
    (['-uuid', '\u00b2' * 32], None), (['-uuid', 'f' * 100000], None),
    (['-name', 'a\udcff'], None), (['-name', '\x1b[2J'], None),
    (['-name', 'x' * 5000], None), (['-name', ''], None)])
def test_instance(argv, found):
    assert command_line.instance(argv) == found


def test_what_libvirt_writes_today():
    disk, = command_line.disks(ARGV)
    assert (disk.key, disk.image, disk.user, disk.secret_uuid) == (
        'libvirt-1-storage', f'vms/{UUID}_disk', 'cinder', None)
    assert disk.monitors == tuple(
        MonAddr(f'127.0.0.{number}', 6789) for number in (21, 22, 23))


def test_what_libvirt_wrote_before():
    argv = ['qemu-system-x86_64', '-drive', OLD]
    disk, = command_line.disks(argv)
    assert disk.key == 'drive-virtio-disk0'
    assert (disk.image, disk.user) == ('vms/root', 'cinder')
    assert disk.monitors == (MonAddr('10.0.0.1', 6789),
                             MonAddr('fd00::1', 6789), MonAddr('mon-c', 3300))
    assert KEY not in repr(disk)


SERVERS = 'server.0.host=10.0.0.1,server.0.port=6789,server.1.host=fd00::1'


@pytest.mark.parametrize('option, word', [
    ('-blockdev', f'driver=rbd,pool=vms,image=i,user=u,{SERVERS}'),
    ('-blockdev', f'rbd,node-name=n,pool=vms,image=i,user=u,{SERVERS}'),
    ('-drive', f'driver=rbd,pool=vms,image=i,user=u,{SERVERS}'),
    ('-drive', 'format=raw,file.driver=rbd,file.pool=vms,file.image=i,'
     'file.user=u,' + SERVERS.replace('server', 'file.server')),
    ('-blockdev', json.dumps({'driver': 'raw', 'file': {
        'driver': 'rbd', 'pool': 'vms', 'image': 'i', 'user': 'u',
        'server': [{'host': '10.0.0.1', 'port': '6789'},
                   {'host': 'fd00::1', 'port': '0'}]}})),
    ('--drive', 'if=none,file=json:' + json.dumps({
        'driver': 'rbd', 'pool': 'vms', 'image': 'i', 'user': 'u',
        'server.unknown': 1, 'server': [
            {'host': '10.0.0.1', 'port': '6789'}, {'host': 'fd00::1'}],
        }).replace(',', ',,')),
    ('-drive', r'file=rbd:vms/i:id=u:mon_host=10.0.0.1\:6789 fd00\:\:1'),
    ('-drive', r'file=rbd:vms/i@snap:id=u:mon_host='
     r'v1\:10.0.0.1\:6789/0,,\[fd00\:\:1\]'),
])
def test_forms(option, word):
    assert parsed(option, word) == [
        ('vms/i', 'u', ['10.0.0.1:6789', '[fd00::1]'])]


@pytest.mark.parametrize('option, word, image', [
    ('-blockdev', '{"driver":"rbd","pool":"p","namespace":"n","image":"i"}',
     'p/n/i'),
    ('-drive', 'file=rbd:p/n/i', 'p/n/i'),
    ('-drive', r'file=rbd:p/a\@b\:c@s:id=u', 'p/a@b:c')])
def test_images(option, word, image):
    assert [found for found, _, _ in parsed(option, word)] == [image]


def test_many_servers_keep_their_order():
    hosts = [f'10.0.0.{number}' for number in range(1, 13)]
    word = ','.join(f'server.{number}.host={host}'
                    for number, host in enumerate(hosts))
    assert parsed('-blockdev', f'driver=rbd,pool=p,image=i,{word}') == [
        ('p/i', None, hosts)]


@pytest.mark.parametrize('argv', [
    ['-drive', 'file=/var/lib/x.qcow2,format=qcow2'],
    ['-blockdev', '{"driver":"file","filename":"rbd:p/i"}'],
    ['-blockdev', '{"driver":'], ['-blockdev', '[1]'], ['-blockdev', '{}'],
    ['-drive', 'file=json:{'], ['-drive', 'file=rbd:nonsense'],
    ['-drive', ''], ['-drive', ',,,'], ['-blockdev'], ['-drive', 'a.b=1,a=2'],
    ['-device', 'driver=rbd,pool=p,image=i'],
    ['-blockdev', '{"driver":"rbd","pool":["p"],"image":"i"}'],
    ['-blockdev', '{"driver":"rbd","pool":"p","image":{"a":1}}'],
    ['-blockdev', '{"driver":"rbd","pool":"p","image":"i","user":[]}'],
    ['-blockdev', '{"driver":"rbd","pool":"p","image":"\\ud800"}'],
    ['-blockdev', '{"driver":"rbd","pool":"p","image":"\\u001b[2J"}'],
    ['-blockdev', '{"driver":"rbd","pool":"p","image":"i","node-name":[1]}'],
    ['-drive', 'file=rbd:p/\udcff'], ['-drive', 'file=rbd:p/' + 'x' * 5000],
    ['-drive', f'file=rbd:p/i,x={"x" * (1 << 20)}'],
    ['-drive', 'file=rbd:p/i:mon_host=' + ' '.join(['192.0.2.1'] * 65)],
    ['-blockdev', 'driver=rbd,pool=p,image=i,' + ','.join(
        f'server.{number}.host=192.0.2.1' for number in range(65))]])
def test_what_is_no_rbd_image_is_left_out(argv):
    assert parsed(*argv) == []


IMAGE = '{"driver":"rbd","pool":"p","image":"i","server":@}'


@pytest.mark.parametrize('server, monitors', [
    ('null', []), ('true', []), ('1.5', []), ('1', []), ('"x"', []),
    ('[1, null, "x", {}]', []), ('{"0": 1, "x": {}}', []),
    ('[{"host": null}, {"host": ["a"]}, {"host": 7}]', []),
    ('[{"host": "a", "port": [1]}, {"host": "a", "port": true}]', []),
    ('[{"host": "a", "port": 6789}]', ['a:6789']),
    (f'[{{"host": "a", "port": {"9" * 5000}}}]', []),
    (f'[{{"host": "{"1" * 300}"}}]', []),
    ('[{"host": "fe80::1%\\u001b[2J"}]', []),
    ('{"\u00b2": {"host": "a"}}', ['a']),
    (f'{{"{"9" * 5000}": {{"host": "a"}}}}', ['a'])])
def test_odd_servers(server, monitors):
    assert parsed('-blockdev', IMAGE.replace('@', server)) == [
        ('p/i', None, monitors)]


def deep(levels):
    return ('{"file":' * levels + IMAGE.replace('@', '[]') + '}' * levels)


@pytest.mark.parametrize('word, found', [
    (deep(30), 1), (deep(33), 0), (deep(900), 0), (deep(100000), 0),
    ('{"a":' + '[' * 100000, 0), ('a' + '.a' * 5000 + '=1', 0),
    ('file.' * 30 + 'filename=rbd:p/i', 1),
    ('file.' * 34 + 'filename=rbd:p/i', 0)])
def test_depth_is_bounded(word, found):
    assert len(parsed('-blockdev', word)) == found


def test_json_in_json():
    word = 'rbd:p/i'
    for _ in range(12):
        word = 'json:' + json.dumps({'file': word})
        assert len(parsed('-blockdev', json.dumps({'file': word}))) == 1


def test_one_bad_image_hides_no_other(caplog):
    caplog.set_level('DEBUG')
    secret = f'file=rbd:p/\x1b:key={KEY}'
    assert [image for image, _, _ in parsed(
        '-uuid', UUID, '-blockdev', deep(5000), '-drive', secret,
        '-drive', 'file=rbd:p/i')] == ['p/i']
    assert f'Leaving out malformed options of guest {UUID}: 2' in caplog.text
    assert KEY not in caplog.text


def test_images_are_bounded():
    argv = ['-drive', 'file=rbd:p/i'] * 1001
    assert len(parsed(*argv)) == 1000


@given(strategies.lists(strategies.text(max_size=8)))
def test_no_words_crash_it(argv):
    for option in ('-drive', '-blockdev', '-name', '-uuid'):
        command_line.instance([option, *argv])
        command_line.disks([option, *argv])


TEXT = strategies.text(strategies.characters(), max_size=8)
VALUES = strategies.recursive(
    strategies.none() | strategies.booleans() | strategies.integers()
    | strategies.floats() | TEXT | strategies.sampled_from(
        ['rbd', 'rbd:p/i', 'json:{}', 'fe80::1%\x00', '0.0.0.0']),
    lambda inner: strategies.lists(inner, max_size=3)
    | strategies.dictionaries(TEXT | strategies.sampled_from([
        'driver', 'pool', 'image', 'namespace', 'user', 'server', 'host',
        'port', 'file', 'filename', 'node-name', '0', '\u00b2']), inner,
        max_size=6), max_leaves=20)
RBD = strategies.fixed_dictionaries(
    {'driver': strategies.just('rbd'), 'pool': VALUES, 'image': VALUES},
    optional={'namespace': VALUES, 'user': VALUES, 'node-name': VALUES,
              'server': VALUES | strategies.lists(
                  strategies.fixed_dictionaries(
                      {'host': VALUES, 'port': VALUES}))})


@given(VALUES | RBD | RBD.map(lambda tree: {'file': tree}))
def test_no_json_crashes_it(tree):
    word = json.dumps(tree)
    for argv in (['-blockdev', word], ['-drive', 'file=json:' + word.replace(
            ',', ',,')], ['-name', word], ['-uuid', word]):
        command_line.instance(argv)
        for disk in command_line.disks(argv):
            repr(disk).encode()
            assert all(word.isprintable() for word in (
                disk.key, disk.image, disk.user or '',
                *map(str, disk.monitors)))


KEYS = strategies.lists(strategies.sampled_from(
    ['driver', 'pool', 'image', 'server', 'host', 'port', 'file', 'filename',
     '0', '1', '\u00b2', '', '-']), max_size=5).map('.'.join)


@given(strategies.dictionaries(KEYS, TEXT | strategies.sampled_from(
    ['rbd', 'rbd:p/i', 'p'])))
def test_no_keys_crash_it(options):
    word = ','.join(f'{key}={value.replace(",", ",,")}'
                    for key, value in options.items())
    for option in ('-blockdev', '-drive'):
        command_line.disks([option, word])


def escaped(text: str) -> str:
    """Escape as libvirt's virStorageSource does for RBD; QEMU unescapes it."""
    return ''.join(f'\\{each}' if each in ':;@=/\\[]' else each
                   for each in text)


NAMES = strategies.text('abz-_.,:;@=\\[]é ', min_size=1, max_size=12)
HOSTS = strategies.one_of(
    strategies.ip_addresses(v=4).map(str),
    strategies.ip_addresses(v=6).map(str))
ADDRS = strategies.builds(MonAddr.of, HOSTS, strategies.integers(1, 65535))


@given(NAMES, NAMES, NAMES, strategies.lists(ADDRS))
def test_escapes_round_trip(pool, image, user, addrs):
    mon_host = ';'.join(map(str, addrs))
    name = (f'rbd:{escaped(pool)}/{escaped(image)}:id={escaped(user)}'
            f':key={KEY}:mon_host={escaped(mon_host)}')
    word = f'file={name.replace(",", ",,")},format=raw,id=d'
    disk, = command_line.disks(['-drive', word])
    assert (disk.image, disk.user) == (f'{pool}/{image}', user)
    assert disk.monitors == tuple(addrs)
    assert KEY not in repr(disk)


@given(NAMES, NAMES, strategies.lists(ADDRS))
def test_key_value_and_json_agree(image, user, addrs):
    source = {'driver': 'rbd', 'pool': 'p', 'image': image, 'user': user,
              'server': [{'host': addr.host, 'port': str(addr.port)}
                         for addr in addrs]}
    pairs = {'driver': 'rbd', 'pool': 'p', 'image': image, 'user': user}
    for number, addr in enumerate(addrs):
        pairs[f'server.{number}.host'] = addr.host
        pairs[f'server.{number}.port'] = str(addr.port)
    word = ','.join(f'{key}={value.replace(",", ",,")}'
                    for key, value in pairs.items())
    assert command_line.disks(['-blockdev', word]) == command_line.disks(
        ['-blockdev', json.dumps(source)]) != ()
