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

"""Reading takes time in proportion to the text, however odd the text is.

Each text is read at two lengths by the same process: a reader that backtracks
takes 16 times as long or more for the longer one, a linear reader 4 times.
"""

import gc
import time

import pytest

from rbd_mon_fix.ceph import ini
from rbd_mon_fix.ceph import mon_host
from rbd_mon_fix.documents import connection_info
from rbd_mon_fix.documents import domain_xml
from rbd_mon_fix.documents import host_elements
from rbd_mon_fix.hook import script
from rbd_mon_fix.model import monmap
from rbd_mon_fix.qemu import command_line
from rbd_mon_fix.qemu import option_syntax

pytestmark = pytest.mark.once

LENGTH = 1000
RATIO = 9

INFO = ('{"driver_volume_type": "rbd", "data": {"name": "p/i", %s"hosts": '
        '["192.0.2.1"], "ports": ["6789"]%s}}')
XML = ("<domain><devices><disk><source protocol='rbd' name='p/i'>%s</source>"
       "<target dev='vda'/></disk></devices></domain>")


def connection(before='', after=''):
    return connection_info.ConnectionInfo.parse(INFO % (before, after))


def domain(hosts):
    return domain_xml.DomainXML.parse(XML % hosts)


def disks(found):
    return domain_xml.DomainXML.parse(
        f'<domain><devices>{"".join(found)}</devices></domain>')


def mended(hosts):
    return script.mend((XML % hosts).encode(), [])


def hosts(text):
    return host_elements.HOSTS.fullmatch(text.encode())


def guest(words):
    return command_line.disks(words), command_line.instance(words)


CASES = [
    (ini.parse, lambda n: 'a' + ' ' * n + 'b'),
    (ini.parse, lambda n: ' ' * n + 'a'),
    (ini.parse, lambda n: ' ' * n + '['),
    (ini.parse, lambda n: ' ' * n + 'a' + ' ' * n + '=' + ' ' * n),
    (ini.parse, lambda n: 'a=' + ' ' * n + '"' + ' ' * n),
    (ini.parse, lambda n: 'a = "b"' + ' ' * n + 'c'),
    (ini.parse, lambda n: '[' + 'a ' * n),
    (ini.parse, lambda n: '[a]' + ' ' * n + 'b'),
    (ini.parse, lambda n: '\\a' * n),
    (ini.parse, lambda n: 'a=' + '1 \\\n' * n),
    (ini.parse, lambda n: '\\\n' * n),
    (ini.parse, lambda n: 'a=1\n' * n),
    (mon_host.parse, lambda n: '192.0.2.1,' * n),
    (mon_host.parse, lambda n: f'[{"v2:192.0.2.1:3300," * n}v1:192.0.2.1:1]'),
    (mon_host.parse_addr, lambda n: '1' * n),
    (mon_host.parse_addr, lambda n: '1.1.1.1' + '1' * n + '.'),
    (mon_host.parse_addr, lambda n: '[' + 'f:' * n),
    (monmap.MonAddr.parse, lambda n: 'a.' * n + ':' * n),
    (monmap.MonAddr.parse, lambda n: '[' + ':' * n),
    (connection, lambda n: ' ' * n),
    (connection, lambda n: '"a"' + ' ' * n + ':1' + ' ' * n + ',' + ' ' * n),
    (lambda text: connection(after=text), lambda n: ' ' * n),
    (connection, lambda n: r'"a\"' + r'\\' * n + '": 1, '),
    (domain, lambda n: f"<host{' ' * n}name='a'{' ' * n}port='1'{' ' * n}/>"),
    (domain, lambda n: "<host name='a'/>" * n + 'x' + "<host name='a'/>"),
    (domain, lambda n: "<host name='a'/>" + 'x<a/>' * 20 * n),
    (disks, lambda n: [f"<disk><source protocol='rbd' name='p/i'><host "
                       f"name='a'/></source><target dev='{each}'/></disk>"
                       for each in range(n)]),
    (disks, lambda n: ['<disk>' + "<target/>" * n + ''.join(
        f"<a{each}><source protocol='rbd'/></a{each}>" for each in range(n))
        + "<target dev='vda'/></disk>"]),
    (domain, lambda n: "<host name='a'>" + ' ' * n + '<x/></host>'),
    (hosts, lambda n: "<host name='a'/>" * n + 'x'),
    (hosts, lambda n: '<host' + " a='b'" * n),
    (hosts, lambda n: '<host' + ' ' * n + 'a' + ' ' * n + '='),
    (hosts, lambda n: '<host>' + ' ' * n + '</host' + ' ' * n),
    (mended, lambda n: "<host name='a'/>" * n + 'x' + "<host name='a'/>"),
    (mended, lambda n: f"<host{' ' * n}name='a'{' ' * n}/>"),
    (lambda text: option_syntax.options(text, 'a'), lambda n: ',' * n),
    (lambda text: option_syntax.options(text, 'a'), lambda n: 'a=,,' * n),
    (lambda text: option_syntax.split(text, ':'), lambda n: '\\:' * n),
    (guest, lambda n: ['qemu-kvm', *['-drive', '{'] * n]),
    (guest, lambda n: ['qemu-kvm', *['-uuid', 'a'] * n, '-drive', '{']),
    (guest, lambda n: ['kvm', '-drive', 'file=rbd:p/i:mon_host=' + ';' * n]),
    (guest, lambda n: ['kvm', '-drive', 'file=rbd:' + 'a:' * n]),
]


@pytest.fixture(autouse=True)
def no_garbage_collection():
    """Leave out a time that depends on the objects of all other tests."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def seconds(read, text):
    """Return the shortest of some durations, without the time of others."""
    found = []
    for _ in range(3):
        began = time.process_time()
        try:
            read(text)
        except Exception:  # noqa: BLE001  # whether it can be read or not
            pass
        found.append(time.process_time() - began)
    return min(found)


@pytest.mark.parametrize('read, text', CASES)
def test_time_is_linear(read, text):
    seconds(read, text(LENGTH))
    once = seconds(read, text(LENGTH))
    assert seconds(read, text(4 * LENGTH)) < RATIO * max(once, 1e-4)
