#!/bin/sh
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

""":" Put right the monitors of a guest that resumes or migrates to here.

# This stands in hooks/qemu.d/ of libvirt, which calls it for each step of
# each guest and stops the guest where it fails. What sh reads ends at the
# exit: other steps do not pay for a Python, and whatever becomes of Python,
# or if there is none, the guest goes on.
case "$2 $3" in
'restore begin' | 'migrate begin') ;;
*) exit 0 ;;
esac
PATH=/usr/bin:/bin:/usr/local/bin
python3 -IS "$0" "$@"
exit 0

What Python reads is the rest. It gets the XML of the domain on stdin, and
what it prints libvirt takes instead; where it prints nothing, the XML stays
as it is. Any Python from 3.6 on will do, and its standard library.
"""

import json
import os
import re
import signal
import stat
import sys
from xml.parsers import expat

# Beside the folder of this script, where libvirt looks for scripts alone.
KNOWLEDGE = '../rbd-mon-fix.json'
SECONDS = 3
MAX_XML = 4 << 20
MAX_KNOWLEDGE = 1 << 20

ADDRESS = re.compile(r'(?:\[([0-9a-f:.]+)\]|([a-z0-9_.-]+)):([0-9]{1,5})')
TAG = r'''<host(?:\s+\w+\s*=\s*(?:'[^']*'|"[^"]*"))*\s*'''
HOST = rf'{TAG}(?:/>|>\s*</host\s*>)'
HOSTS = re.compile(rf'{HOST}(?:\s*{HOST})*'.encode())


class Doubt(Exception):
    """Why the XML is left as it is."""


class Node:
    """One element; ``start`` is the offset of its first byte."""

    def __init__(self, name: str, attributes: dict, start: int):
        self.name = name
        self.attributes = attributes
        self.start = start
        self.children: list = []

    def all(self, name: str) -> list:
        """Return the children of that name."""
        return [child for child in self.children if child.name == name]

    def below(self) -> list:
        """Return all elements below it."""
        return [each for child in self.children
                for each in [child] + child.below()]


class DiskSource:
    """One RBD source: whose disk it is, and where its hosts stand."""

    def __init__(self, disk: Node, element: Node, content: bytes):
        hosts = element.all('host')
        match = HOSTS.match(content, hosts[0].start) if hosts else None
        if not match or match.end() <= hosts[-1].start:
            raise Doubt('monitors do not stand together')
        self.start, self.end = match.span()
        self.hosts = [address(host.attributes) for host in hosts]
        self.identity = identity(disk, element)
        self.gap = content[len(content[:self.start].rstrip()):self.start]

    def spelled(self, monitors: list) -> bytes:
        """Return the hosts for other monitors, as libvirt writes them."""
        return self.gap.join(element(each).encode() for each in monitors)


def address(attributes: dict) -> str:
    """Return the address of a host the way the knowledge has it."""
    if (not set(attributes) <= {'name', 'port', 'transport'}
            or attributes.get('transport', 'tcp') != 'tcp'):
        raise Doubt('a host that is no monitor')
    name, port = attributes['name'].lower(), attributes.get('port', '0')
    if ':' in name:
        import ipaddress
        name = '[{}]'.format(ipaddress.ip_address(name))
    return name if port == '0' else '{}:{}'.format(name, port)


def element(monitor: str) -> str:
    """Return the host element of a monitor; IPv6 goes without brackets."""
    match = ADDRESS.fullmatch(monitor)
    if not match:
        raise Doubt('a right monitor is none')
    return "<host name='{}' port='{}'/>".format(match[1] or match[2], match[3])


def identity(disk: Node, element: Node) -> dict:
    """Return pool, user and secret of a source.

    Only a disk's own source may have its auth in the disk (libvirt's
    src/conf/domain_conf.c, ``virDomainDiskDefParseSourceXML``).
    """
    pool, slash, image = element.attributes['name'].partition('/')
    own = element in disk.children
    auths = element.all('auth') + (disk.all('auth') if own else [])
    secrets = [secret for auth in auths for secret in auth.all('secret')]
    if not (slash and image) or len(auths) > 1 or len(secrets) > 1:
        raise Doubt('nobody can tell whose image it is')
    return {'pool': pool,
            'user': auths[0].attributes['username'] if auths else None,
            'secret_uuid': secrets[0].attributes['uuid'] if secrets else None}


def parse(content: bytes) -> Node:
    """Read an XML document in UTF-8 that declares no document type."""
    parser = expat.ParserCreate('utf-8', namespace_separator='}')
    document = Node('', {}, 0)
    opened = [document]

    def start(name: str, attributes: dict) -> None:
        child = Node(name, attributes, parser.CurrentByteIndex)
        opened[-1].children.append(child)
        opened.append(child)

    def end(name: str) -> None:
        opened.pop()

    def doctype(*declaration: object) -> None:
        raise Doubt('it declares a document type')

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.StartDoctypeDeclHandler = doctype
    parser.Parse(content, True)
    return document


def find(content: bytes) -> list:
    """Return the RBD sources of a domain, without those in doubt.

    Also those of backingStore, mirror and such.
    """
    disks = [disk for domain in parse(content).all('domain')
             for devices in domain.all('devices')
             for disk in devices.all('disk')]
    found = []
    for owner, each in [(disk, each) for disk in disks
                        for each in disk.below()]:
        if each.name == 'source' and each.attributes.get('protocol') == 'rbd':
            try:
                found.append(DiskSource(owner, each, content))
            except (Doubt, KeyError, ValueError):
                continue
    return found


def right(source: DiskSource, clusters: list) -> list:
    """Return the right monitors of a source's one cluster, or none.

    Every address that it names has to be known of that cluster, and of no
    other.
    """
    owners = [cluster for cluster in clusters
              if set(source.hosts) & set(cluster['known'])]
    if (len(owners) != 1 or source.identity not in owners[0]['disks']
            or not set(source.hosts) <= set(owners[0]['known'])):
        return []
    return list(owners[0]['monitors'])


def mend(content: bytes, clusters: list) -> bytes:
    """Return the XML with the right monitors; empty if it is to stay.

    :raises Doubt: what came out is not what was meant
    """
    meant: list = []
    mended = content
    for source in reversed(find(content)):
        monitors = right(source, clusters)
        if not monitors or sorted(monitors) == sorted(source.hosts):
            monitors = source.hosts
        else:
            mended = (mended[:source.start] + source.spelled(monitors)
                      + mended[source.end:])
        meant.insert(0, monitors)
    if [source.hosts for source in find(mended)] != meant:
        raise Doubt('it did not come out as meant')
    return b'' if mended == content else mended


def load(path: str) -> list:
    """Read what is known of each cluster.

    :raises Doubt: others than root could have written it, or it is too large
    """
    with open(path, 'rb') as file:
        status = os.fstat(file.fileno())
        if (not stat.S_ISREG(status.st_mode) or status.st_mode & 0o022
                or status.st_uid not in (0, os.geteuid())
                or status.st_size > MAX_KNOWLEDGE):
            raise Doubt('nobody should rely on ' + path)
        knowledge = json.loads(file.read().decode())
    if knowledge['version'] != 1:
        raise Doubt('another version wrote ' + path)
    return list(knowledge['clusters'])


def main(script: str, guest: str, step: str) -> None:
    """Do what the hook is for."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(SECONDS)
    content = sys.stdin.buffer.read(MAX_XML + 1)
    if len(content) > MAX_XML:
        raise Doubt('it is too large')
    folder = os.path.dirname(os.path.abspath(script))
    mended = mend(content, load(os.path.join(folder, KNOWLEDGE)))
    if mended:
        sys.stdout.buffer.write(mended)
        sys.stdout.buffer.flush()
        import syslog
        syslog.openlog('rbd-mon-fix', 0, syslog.LOG_DAEMON)
        syslog.syslog('The monitors of guest {} were put right for {}.'
                      .format(guest, step))


if __name__ == '__main__':
    try:
        main(*sys.argv[:3])
    except Exception as error:  # noqa: BLE001  # a guest is at stake
        sys.stderr.write('rbd-mon-fix: the XML stays as it is: {}: {}\n'
                         .format(type(error).__name__, error))
