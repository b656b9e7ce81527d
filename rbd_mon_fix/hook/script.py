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

""":" Correct the monitors of a guest that resumes or migrates to this host.

# libvirt calls this script in hooks/qemu.d/ for each step of each guest, and
# stops the guest if the script fails. sh reads up to its last exit: most
# steps need no Python, and the guest goes on if Python fails or is missing.
case "$2 $3" in
'restore begin' | 'migrate begin') ;;
*) exit 0 ;;
esac
PATH=/usr/bin:/bin:/usr/local/bin
python3 -IS "$0" "$@"
exit 0

Python (3.6 or newer, standard library only) reads the rest. libvirt passes
the XML of the domain on stdin; any output replaces the XML.
"""

import json
import os
import re
import signal
import stat
import sys
from xml.parsers import expat

# Next to the directory of this script: libvirt expects only scripts in it.
KNOWLEDGE = '../rbd-mon-fix.json'
SECONDS = 3
MAX_XML = 4 << 20
MAX_KNOWLEDGE = 1 << 20
MAX_DEPTH = 256  # libxml2's limit, and so libvirt's

ADDRESS = re.compile(r'(?:\[([0-9a-f:.]+)\]|([a-z0-9_.-]+)):([0-9]{1,5})')
TAG = r'''<host(?:\s+\w+\s*=\s*(?:'[^']*'|"[^"]*"))*\s*'''
HOST = rf'{TAG}(?:/>|>\s*</host\s*>)'
HOSTS = re.compile(rf'{HOST}(?:\s*{HOST})*'.encode())


class Doubt(Exception):
    """A reason to leave the XML unchanged."""


class Node:
    """One element; ``start`` is the offset of its first byte."""

    # Annotations are strings: Python before 3.9 cannot evaluate them.
    def __init__(self, name: str, attributes: 'dict[str, str]', start: int):
        self.name = name
        self.attributes = attributes
        self.start = start
        self.children: list[Node] = []

    def all(self, name: str) -> 'list[Node]':
        """Return the children of that name."""
        return [child for child in self.children if child.name == name]

    def below(self) -> 'list[Node]':
        """Return all descendants."""
        return [each for child in self.children
                for each in [child] + child.below()]


class DiskSource:
    """The monitors of one RBD source, and the span of its hosts."""

    def __init__(self, element: Node, content: bytes):
        hosts = element.all('host')
        match = HOSTS.match(content, hosts[0].start) if hosts else None
        if not match or match.end() <= hosts[-1].start:
            raise Doubt('other text stands between the monitors')
        self.start, self.end = match.span()
        self.hosts = [address(host.attributes) for host in hosts]
        self.gap = content[len(content[:self.start].rstrip()):self.start]

    def spelled(self, monitors: 'list[str]') -> bytes:
        """Return the host elements of monitors, as libvirt writes them."""
        return self.gap.join(element(each).encode() for each in monitors)


def address(attributes: 'dict[str, str]') -> str:
    """Return the address of a host as the knowledge file spells it."""
    if (not set(attributes) <= {'name', 'port', 'transport'}
            or attributes.get('transport', 'tcp') != 'tcp'):
        raise Doubt('a host is not a monitor')
    name, port = attributes['name'].lower(), attributes.get('port', '0')
    if ':' in name:
        import ipaddress
        name = '[{}]'.format(ipaddress.ip_address(name))
    return name if port == '0' else '{}:{}'.format(name, port)


def element(monitor: str) -> str:
    """Return the host element of a monitor; IPv6 has no brackets there."""
    match = ADDRESS.fullmatch(monitor)
    if not match:
        raise Doubt('a monitor in the knowledge file is invalid')
    return "<host name='{}' port='{}'/>".format(match[1] or match[2], match[3])


def parse(content: bytes) -> Node:
    """Parse an XML document in UTF-8 that declares no document type."""
    parser = expat.ParserCreate('utf-8', namespace_separator='}')
    document = Node('', {}, 0)
    opened = [document]

    def start(name: str, attributes: 'dict[str, str]') -> None:
        if len(opened) > MAX_DEPTH:
            raise Doubt('the XML is nested too deeply')
        child = Node(name, attributes, parser.CurrentByteIndex)
        opened[-1].children.append(child)
        opened.append(child)

    def end(name: str) -> None:
        opened.pop()

    def doctype(*declaration: object) -> None:
        raise Doubt('the XML declares a document type')

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.StartDoctypeDeclHandler = doctype
    parser.Parse(content, True)
    return document


def find(content: bytes) -> 'list[DiskSource]':
    """Return the RBD sources of a domain in order, without those in doubt.

    They belong to disks, with backingStore, mirror and the like, and to the
    firmware's NVRAM (libvirt's docs/formatdomain.rst).
    """
    owners = [owner for domain in parse(content).all('domain')
              for parent, kind in (('os', 'nvram'), ('devices', 'disk'))
              for holder in domain.all(parent)
              for owner in holder.all(kind)]
    found = []
    for each in [each for owner in owners for each in owner.below()]:
        if each.name == 'source' and each.attributes.get('protocol') == 'rbd':
            try:
                found.append(DiskSource(each, content))
            except (Doubt, KeyError, ValueError):
                continue
    return sorted(found, key=lambda each: each.start)


def right(source: DiskSource,
          clusters: 'list[dict[str, list[object]]]') -> 'list[str]':
    """Return the right monitors of a source's cluster; empty if in doubt.

    That cluster knows every address of the source, and no other knows any.
    """
    owners = [cluster for cluster in clusters
              if set(source.hosts) & set(cluster['known'])]
    if (len(owners) != 1
            or not set(source.hosts) <= set(owners[0]['known'])):
        return []
    return [str(monitor) for monitor in owners[0]['monitors']]


def mend(content: bytes,
         clusters: 'list[dict[str, list[object]]]') -> bytes:
    """Return the XML with the right monitors; empty if nothing changes.

    :raises Doubt: the result does not parse as intended
    """
    meant: list[list[str]] = []
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
        raise Doubt('the new XML does not read as intended')
    return b'' if mended == content else mended


def load(path: str) -> 'list[dict[str, list[object]]]':
    """Read the knowledge file.

    :raises Doubt: others than root can write it, or it is too large
    """
    with open(path, 'rb') as file:
        status = os.fstat(file.fileno())
        if (not stat.S_ISREG(status.st_mode) or status.st_mode & 0o022
                or status.st_uid not in (0, os.geteuid())
                or status.st_size > MAX_KNOWLEDGE):
            raise Doubt('not a small file that only root can write: ' + path)
        knowledge = json.loads(file.read().decode())
    if knowledge['version'] != 2:
        raise Doubt('another version wrote ' + path)
    return list(knowledge['clusters'])


def main(script: str, guest: str, step: str) -> None:
    """Correct the XML of a guest from stdin to stdout."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(SECONDS)
    content = sys.stdin.buffer.read(MAX_XML + 1)
    if len(content) > MAX_XML:
        raise Doubt('the XML is too large')
    folder = os.path.dirname(os.path.abspath(script))
    mended = mend(content, load(os.path.join(folder, KNOWLEDGE)))
    if mended:
        # Half of the XML would stop the guest, and libvirt reads all of it.
        signal.alarm(0)
        sys.stdout.buffer.write(mended)
        sys.stdout.buffer.flush()
        import syslog
        syslog.openlog('rbd-mon-fix', 0, syslog.LOG_DAEMON)
        syslog.syslog('Corrected the monitors of guest {} for {}.'
                      .format(guest, step))


if __name__ == '__main__':
    try:
        main(*sys.argv[:3])
    except Exception as error:  # noqa: BLE001  # a guest is at stake
        sys.stderr.write('rbd-mon-fix: the XML is unchanged: {}: {}\n'
                         .format(type(error).__name__, error))
