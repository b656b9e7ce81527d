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

"""Every reader of foreign text, and what must hold for any content.

``test_fuzz`` and ``fuzz`` read mutated contents with this table. A reader is
called as the program calls it, from bytes on.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import json
import logging
import pathlib
import re
import socket
import tempfile
import time
from typing import Any, Callable, Iterator, Optional
from unittest import mock
from xml.parsers import expat

from rbd_mon_fix import exceptions
from rbd_mon_fix.ceph import commands
from rbd_mon_fix.ceph import conf as ceph_conf
from rbd_mon_fix.ceph import dns
from rbd_mon_fix.ceph import former_monitors
from rbd_mon_fix.ceph import ini as ceph_ini
from rbd_mon_fix.ceph import mon_dump
from rbd_mon_fix.ceph import mon_host
from rbd_mon_fix.ceph import monitors_file
from rbd_mon_fix.ceph import sessions
from rbd_mon_fix.ceph import watchers
from rbd_mon_fix.clients.database import engine
from rbd_mon_fix.clients.database import urls
from rbd_mon_fix.conf import cinder as cinder_conf
from rbd_mon_fix.conf import nova as nova_conf
from rbd_mon_fix.documents import cephfs_export
from rbd_mon_fix.documents import connection_info
from rbd_mon_fix.documents import domain_xml
from rbd_mon_fix.documents import mon_addr
from rbd_mon_fix.documents import stored_xml
from rbd_mon_fix.hook import knowledge
from rbd_mon_fix.hook import script
from rbd_mon_fix.model.census import Image
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.qemu import command_line
from rbd_mon_fix.qemu import option_syntax
from rbd_mon_fix.qemu import proc_net
from rbd_mon_fix.state import histories
from rbd_mon_fix.state import journal_reader
from rbd_mon_fix.state import known_clusters
from rbd_mon_fix.stores import unrescue
from tests.faults import nova_answers

SAMPLES = pathlib.Path(__file__).parents[1] / 'unit' / 'samples'
FSID = '8a531320-0f05-4842-a642-2f40a98c65ab'

# A secret of each kind that contents have: a VNC password, a cephx key, the
# password of a database.
CANARY = 'c4naryS3cret'

# Seconds of one reading, of a content of this many bytes.
SECONDS = 5.0
LENGTH = 1 << 16

# What is written instead of the old monitors.
NEW = tuple(tuple(map(MonAddr.parse, words.split())) for words in (
    '10.0.0.1:6789', '[fd00::1]:3300 10.0.0.2:6789 mon-1:6789',
    'mon.example [fd00::2]'))

Read = Callable[[bytes], object]


class Broken(Exception):
    """A property that does not hold."""


@dataclasses.dataclass(frozen=True)
class Reader:
    """A reader and contents that it reads.

    :param read: reads a content, and checks what was read
    :param seeds: contents to begin with
    :param errors: the documented errors; any other is a defect
    :param secret: where the canary is in the seeds; None if it is nowhere
    """

    name: str
    read: Read
    seeds: tuple[bytes, ...]
    errors: tuple[type[BaseException], ...] = ()
    secret: Optional[str] = None

    def check(self, content: bytes) -> bool:
        """Read a content, and return whether it can be read.

        :raises Broken: a property does not hold
        :raises Exception: an error that is not documented
        """
        began = time.process_time()
        with _logged() as lines, _no_network():
            try:
                words, good = repr(self.read(content)), True
            except self.errors as error:
                words, good = f'{error!s} {error!r}', False
        took = time.process_time() - began
        if took > SECONDS:
            raise Broken(f'it takes {took:.1f} s')
        if self._is_secret(content) and CANARY in ' '.join([words, *lines]):
            raise Broken('a secret is shown')
        return good

    def _is_secret(self, content: bytes) -> bool:
        """Return whether the canary is where secrets are, and only there."""
        if self.secret is None:
            return False
        found = re.findall(self.secret.encode(), content, re.DOTALL)
        return 0 < len(found) == content.count(CANARY.encode())


@contextlib.contextmanager
def _logged() -> Iterator[list[str]]:
    """Collect what is logged, at any level."""
    lines: list[str] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    logger, handler = logging.getLogger('rbd_mon_fix'), Handler()
    level, propagates = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    try:
        yield lines
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        logger.propagate = propagates


@contextlib.contextmanager
def _no_network() -> Iterator[None]:
    """Let no name resolve."""
    def unknown(*arguments: object, **options: object) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, 'Name or service not known')

    def no_services(name: str) -> Any:
        raise exceptions.ConfigError('The DNS has no SRV records.')

    with mock.patch.object(socket, 'getaddrinfo', unknown), \
            mock.patch.object(dns, 'services', no_services):
        yield


def _text(content: bytes) -> str:
    """Return any content as text, with lone surrogates for other bytes."""
    return content.decode(errors='surrogateescape')


def _of_text(read: Callable[[str], object]) -> Read:
    return lambda content: read(_text(content))


def _of_file(read: Callable[[str], object], name: str = 'file') -> Read:
    """Return a reader of files as a reader of their contents.

    :param name: the path of the file in a folder; the reader gets the path
    """
    @functools.lru_cache(maxsize=None)
    def folder() -> tempfile.TemporaryDirectory[str]:
        return tempfile.TemporaryDirectory()

    def from_file(content: bytes) -> object:
        path = pathlib.Path(folder().name, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return read(str(path))
    return from_file


def _edited(parse: Callable[[str], Any], text: str) -> object:
    """Edit each disk of a document, and edit it back."""
    document = parse(text)
    if document is None:
        return None
    document.text.encode()
    for disk in document.disks[:4]:
        for monitors in NEW:
            edited = document.edited(
                {disk.key: document.spell(disk, monitors)})
            again = parse(edited.text)
            _same(again, edited)
            _same(next(each.monitors for each in again.disks
                       if each.key == disk.key), monitors)
            _same(edited.edited({disk.key: disk.verbatim}).text, text)
    everything = {disk.key: document.spell(disk, NEW[1])
                  for disk in document.disks[:50]}
    edited = document.edited(everything)
    _same({disk.monitors for disk in edited.disks[:50]},
          {NEW[1]} if everything else set())
    _same(parse(edited.text), edited)
    _same(edited.edited({disk.key: disk.verbatim for disk
                         in document.disks[:50]}).text, text)
    return document


def _same(one: object, other: object) -> None:
    if one != other:
        raise Broken('an edited document does not read as it was meant')


def _unrescue(content: bytes) -> object:
    uuid = 'ddee15e6-74fe-4a44-9b26-4ba7df465bcd'
    found = unrescue._parse(content, uuid)
    _same(found.text.encode(), content)
    return found


def _mon_addrs(text: str) -> object:
    host, _, port = text.partition('\n')
    found = mon_addr.read(host, port or None)
    mon_addr.is_usable(host, found)
    if not found.is_placeholder:
        _same(MonAddr.parse(str(found)), found)
    str(found).encode('ascii')
    return found


def _ceph_conf(path: str) -> object:
    found = ceph_conf.load(path, user='cinder')
    return found.fsid, found.monmap()


def _command_line(content: bytes) -> object:
    argv = [_text(word) for word in content.split(b'\0')]
    found = command_line.instance(argv), command_line.disks(argv)
    json.dumps(repr(found)).encode()
    return command_line.is_qemu(argv), found


def _connections(text: str) -> object:
    return dict(proc_net.established(text))


def _mended(content: bytes) -> object:
    """Let the hook mend a domain; it changes nothing but hosts."""
    mended = script.mend(content, [
        {'known': [f'127.0.0.2{last}:6789' for last in (1, 2, 3)],
         'monitors': ['10.0.0.1:6789', '[fd00::1]:3300']}])
    if mended:
        _same(script.HOSTS.sub(b'', mended), script.HOSTS.sub(b'', content))
        _same(script.mend(mended, []), b'')
    return mended.count(b'10.0.0.1')


def _knowledge(path: str) -> object:
    found = script.load(path)
    script.mend(_sample('domain-inactive.xml'), found)
    return found


def _url(text: str) -> object:
    database = engine.Database(text, 'The database')
    return database.name


def _template(text: str) -> object:
    filled = urls.fill_template(
        text, f'mysql+pymysql://nova:{CANARY}@db:3306/nova?charset=utf8')
    return urls.describe(filled, 'The cell database')


def _journal(content: bytes) -> object:
    journal_reader.cut_off(content)
    found = journal_reader.run('20260101-000000-beef', content)
    repr(found).encode()
    return found


def _export(text: str) -> object:
    return cephfs_export.monitors(text)


def _of_json(read: Callable[[object], object]) -> Read:
    return lambda content: read(commands.parse(
        content.decode(errors='replace'), 'rbd'))


def _sample(name: str) -> bytes:
    return (SAMPLES / name).read_bytes()


def _json(document: object) -> bytes:
    return json.dumps(document).encode()


_GRAPHICS = f"<graphics type='vnc' passwd='{CANARY}'/>".encode()
_XML = tuple(
    _sample(f'{name}.xml').replace(b'</devices>', _GRAPHICS + b'</devices>')
    for name in ('domain-inactive', 'domain-live', 'unrescue')) + (
    b"<domain><os><nvram type='network'><source protocol='rbd' name='p/n'>"
    b"<host name='127.0.0.21' port='6789'/></source></nvram></os><devices>"
    b"<disk type='network'><source protocol='rbd' name='p/i'><host name="
    b'"fd00::1"\n/> <host name=\'127.0.0.22\' port="0"></host><auth username='
    b"'u'><secret usage='s'/></auth></source><target dev='vda'/><backingStore "
    b"type='network'><source protocol='rbd' name='p/b'><host name='mon1'/>"
    b"</source></backingStore></disk>" + _GRAPHICS + b'</devices></domain>',)
_PASSWD = f"passwd='{CANARY}'"
_INFOS = tuple(
    _sample(name).replace(
        b'"discard"', f'"keyring": "{CANARY}", "discard"'.encode(), 1)
    for name in ('bdm-connection_info.zed.json',
                 'cinder-volume_attachment.connection_info.zed.json')) + (
    _json({'driver_volume_type': 'iscsi', 'data': {'auth_password': CANARY}}),
    _json({'name': 'p/i', 'hosts': ['[fd00::1]', 'mon1'], 'ports': [None, 1],
           'driver_volume_type': 'rbd', 'keyring': CANARY}))
_DUMPS = (_sample('ceph-mon-dump.v1v2.json'), *filter(
    None, _sample('ceph-mon-dump.epochs-7-4-1.txt').split(b'\n')[:2]))
_CEPH = (
    f'[global]\nfsid = {FSID}\nmon_host = [v2:192.0.2.1:3300/0,v1:192.0.2.1:'
    f'6789/0],192.0.2.2 [fd00::1]:6789\n[client.cinder]\nkey = {CANARY}\n'
    '[mon.a]\nmon addr = "192.0.2.3:6789" # a\n'.encode(),
    b'[global]\n; a\nmon host = $host,\\\n 192.0.2.1\nfsid=\n[mon.b]\n'
    b"mon_addr = '[fd00::1]:3300'\n")
_URL = f'mysql+pymysql://nova:{CANARY}@192.0.2.1:3306/nova?charset=utf8'
_NOVA = (
    f'[DEFAULT]\nhost = cmp1\nmy_ip = $host\ntransport_url = rabbit://nova:'
    f'{CANARY}@mq/\n[database]\nconnection = {_URL}\n[libvirt]\nrbd_user = '
    f'nova\nrbd_secret_uuid = {FSID}\nimages_rbd_ceph_conf = /etc/$host.conf\n'
    .encode(),)
_CINDER = (
    f'[DEFAULT]\nenabled_backends = a,b\n[database]\nconnection = {_URL}\n'
    '[backend_defaults]\nvolume_driver = cinder.volume.drivers.rbd.RBDDriver\n'
    '[a]\nrbd_user = cinder\nrbd_ceph_conf = /etc/ceph/$rbd_user.conf\n[b]\n'
    'replication_device = backend_id:c,conf:/c.conf,user:u\n'.encode(),)
_FILES = (_json({'version': 1, 'clusters': [{
    'name': 'ceph', 'fsid': FSID, 'monitors': ['192.0.2.1:6789'],
    'addresses': [['192.0.2.1:3300', '192.0.2.1:6789']], 'epochs': [1, 9],
    'source': 'mon-dump', 'written': '2026-11-21T08:00:00+00:00',
    'former': [{'name': 'a', 'addresses': ['192.0.2.2:6789'], 'epochs': [1, 6],
                'until': None, 'answers': False}],
    'backends': [{'owner': 'cinder', 'name': 'rbd', 'pool': 'volumes',
                  'user': 'cinder', 'secret_uuid': FSID, 'host': 'h'}],
    'keyring': CANARY}]}),)
_QEMU = (
    _sample('qemu-cmdline.txt').rstrip(b'\n').replace(b'\n', b'\0'),
    f'qemu-kvm\0-name\0guest=a,,b\0-drive\0file=rbd:p/i@s:id=u:key={CANARY}:'
    'mon_host=127.0.0.21\\:6789\\;[fd00\\:\\:1]\\:3300,if=none,id=d\0-drive\0'
    'driver=rbd,pool=p,image=i,server.0.host=a,server.0.port=1\0-blockdev\0'
    '{"driver":"qcow2","file":{"filename":"json:{}"}}'.encode())
_TCP = (b'  sl  local_address rem_address   st tx_queue rx_queue tr tm->when '
        b'retrnsmt   uid  timeout inode\n   0: 0100007F:1A85 1500007F:1A85 01 '
        b'00000000:00000000 00:00000000 00000000  0  0 12345 1 0 20 4 30 10\n'
        b'   1: 0000000000000000FFFF00001500007F:1A85 0000000000000000FFFF0000'
        b'1500007F:0CE4 01 00000000:00000000 00:00000000 00000000 0 0 678\n',)
_KNOWN = (_json({'version': 2, 'written': 'now', 'clusters': [
    {'name': 'a', 'fsid': FSID, 'monitors': ['192.0.2.21:6789'],
     'known': ['127.0.0.21:6789', '127.0.0.22:6789', '127.0.0.23:6789']}]}),)
_EPOCHS = (_json({'version': 1, 'fsid': FSID, 'epochs': [
    {'epoch': 1, 'modified': 'now', 'monitors': [
        {'name': 'a', 'addr': '192.0.2.1:6789',
         'addrs': ['192.0.2.1:3300', '192.0.2.1:6789']}]}]}),)
_CLUSTERS = (_json({'version': 1, 'backends': [
    {'owner': 'cinder', 'name': 'a', 'pool': 'p', 'user': 'u',
     'secret_uuid': None, 'fsid': FSID}]}),)

_SERVER = nova_answers.server(**{'OS-EXT-SRV-ATTR:user_data': CANARY})
_NOVA_ANSWERS = (
    _json({'version': nova_answers.version(), 'server': _SERVER,
           'servers': [_SERVER], 'services': [
               {'host': nova_answers.HOST, 'status': 'enabled'}]}),
    _json({'version': nova_answers.version(), 'servers': [], 'services': [
        {'host': 'cmp1', 'status': 'UNKNOWN'}], 'server': {'id': 'x'}}),
    _json({'version': nova_answers.version(), 'servers': [_SERVER],
           'servers_links': [{'rel': 'next', 'href': 'x'}]}),
    b'404\n' + _json({'itemNotFound': {'code': 404, 'message': 'No.'}}),
    b'500\n' + _json({'computeFault': {'code': 500, 'message': 'No.'}}))
_KEYSTONE_ANSWERS = (
    _json(nova_answers.identity()),
    b'401\n' + _json({'error': {'code': 401, 'title': 'No', 'message': ''}}))

_UNREADABLE = (exceptions.Unreadable,)
_CONFIG = (exceptions.ConfigError,)
_CEPH_ANSWERS = (exceptions.Unreachable,)
_API = (exceptions.ConfigError, exceptions.Unreachable, exceptions.Gone)
# The hook's main catches every error: a guest is at stake.
_HOOK = (script.Doubt, expat.ExpatError, ValueError, KeyError, TypeError,
         RecursionError)

READERS = {reader.name: reader for reader in (
    Reader('connection_info', _of_text(functools.partial(
        _edited, connection_info.ConnectionInfo.parse)), _INFOS, _UNREADABLE,
        f'"(?:keyring|auth_password)": "{CANARY}'),
    Reader('domain_xml', _of_text(functools.partial(
        _edited, domain_xml.DomainXML.parse)), _XML, _UNREADABLE, _PASSWD),
    Reader('unrescue', _unrescue, _XML, _UNREADABLE, _PASSWD),
    Reader('snapshot', _of_text(stored_xml.disks), tuple(
        b'<domainsnapshot>' + text + b'</domainsnapshot>' for text in _XML),
        _UNREADABLE, _PASSWD),
    Reader('pool', _of_text(stored_xml.pool), (
        b"<pool type='rbd'><name>a</name><source><host name='127.0.0.21' "
        b"port='6789'/><name>p</name><auth type='ceph' username='u'><secret "
        b"uuid='2ec115d7-3a88-3ceb-bc12-0ac909a6fd87'/></auth></source>"
        b'</pool>',), _UNREADABLE),
    Reader('mon_addr', _of_text(_mon_addrs), (
        b'192.0.2.1\n6789', b'[fd00::1]\n3300', b'mon-1.example', b'\n',
        b'fe80::1%eth0\n1', b'0.0.0.0\n0'), (ValueError,)),
    Reader('mon_host', _of_text(mon_host.parse), (
        b'[v2:192.0.2.1:3300/0,v1:192.0.2.1:6789/0],192.0.2.2;[fd00::1]:1',
        b'mon1,mon2:6789 [fd00::1]', b'v1:192.0.2.1'), (ValueError,)),
    Reader('mon_section', _of_text(mon_host.parse_addr), (
        b'192.0.2.1:6789/0', b'v2:[fd00::1]:3300'), (ValueError,)),
    Reader('ceph_ini', _of_text(ceph_ini.parse), _CEPH, (ValueError,)),
    Reader('ceph_conf', _of_file(_ceph_conf), _CEPH, _CONFIG,
           rf'(?<!\\)\nkey = {CANARY}\n'),
    Reader('nova_conf', _of_file(lambda path: nova_conf.load([path])), _NOVA,
           _CONFIG,
           rf'\n(?:transport_url|connection) = [a-z+]+://nova:{CANARY}@'),
    Reader('cinder_conf', _of_file(lambda path: cinder_conf.load([path])),
           _CINDER, _CONFIG, rf'\nconnection = [a-z+]+://nova:{CANARY}@'),
    Reader('monitors_file', _of_file(
        lambda path: monitors_file.MonitorsFile(path).clusters()), _FILES,
           _CONFIG, f'"keyring": "{CANARY}"'),
    Reader('mon_dump', lambda content: mon_dump.parse(
        content.decode(errors='replace')), _DUMPS, (exceptions.Unreachable,)),
    Reader('sessions', lambda content: sessions.parse(
        content.decode(errors='replace')), (
            _sample('ceph-mon-sessions.json'),), _CEPH_ANSWERS),
    Reader('watchers', _of_json(lambda found: watchers.parse(
        found, Image('vms', '', 'web'))), (_sample('rbd-status.json'),),
        _CEPH_ANSWERS),
    Reader('images', _of_json(lambda found: watchers.parse_images(
        found, 'vms', '')), (b'["web","db"]',), _CEPH_ANSWERS),
    Reader('namespaces', _of_json(watchers.parse_namespaces), (
        b'[{"name":"tenant"}]',), _CEPH_ANSWERS),
    Reader('pools', _of_json(watchers.parse_pools), (
        _sample('ceph-osd-pool-ls-detail.json'),), _CEPH_ANSWERS),
    Reader('former_monitors', _of_text(lambda text: former_monitors.stated(
        text.split('\n'), ())), (
            f'{FSID} 192.0.2.1:6789 [fd00::1]'.encode(),), _CONFIG),
    Reader('command_line', _command_line, _QEMU, (),
           f'\0-drive\0file=rbd:p/i@s:id=u:key={CANARY}:'),
    Reader('option_syntax', _of_text(
        lambda text: option_syntax.tree(text, 'driver')),
        tuple(word for words in _QEMU for word in words.split(b'\0')
              if b'rbd' in word), (option_syntax.Malformed,)),
    Reader('proc_net', _of_text(_connections), _TCP),
    Reader('journal', _journal, (_sample('journal-version-1.jsonl'),)),
    Reader('histories', _of_file(lambda path: histories.load(str(
        pathlib.Path(path).parents[1]), FSID), f'histories/{FSID}.json'),
        _EPOCHS),
    Reader('known_clusters', _of_file(lambda path: known_clusters.load(
        str(pathlib.Path(path).parent)), 'clusters.json'), _CLUSTERS,
        _CONFIG),
    Reader('hook_xml', _mended, _XML, _HOOK, _PASSWD),
    Reader('hook_file', _of_file(_knowledge), _KNOWN, _HOOK),
    Reader('knowledge', knowledge.loads, _KNOWN, _UNREADABLE),
    Reader('cephfs_export', _of_text(_export), (
        b'192.0.2.1:6789,[fd00::1]:6789:/volumes/a', b'a@f.b=/c'),
        _UNREADABLE),
    Reader('database_url', _of_text(_url), (
        _URL.encode(), b'sqlite:////srv/nova.db'), _CONFIG,
        f'://nova:{CANARY}@'),
    Reader('nova_answers', nova_answers.nova, _NOVA_ANSWERS, _API,
           f'"OS-EXT-SRV-ATTR:user_data": "{CANARY}"'),
    Reader('keystone_answers', nova_answers.keystone, _KEYSTONE_ANSWERS,
           _API),
    Reader('cell_template', _of_text(_template), (
        b'{scheme}://{username}:{password}@{hostname}:{port}/cell?{query}',
        _URL.encode()), _CONFIG, f'://nova:{CANARY}@'),
)}
