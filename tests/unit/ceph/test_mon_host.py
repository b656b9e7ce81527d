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

"""The values of mon_host and mon addr.

``monmaptool --create --generate`` of Ceph 16.2 printed the expected values;
tests/functional/test_mon_host.py runs the installed monmaptool.
"""

import pytest

from rbd_mon_fix.ceph import mon_host
from rbd_mon_fix.model.monmap import MonAddr


def shown(monitors):
    return [(str(monitor.addr), *map(str, monitor.addrs))
            for monitor in monitors]


def both(host):
    bare = host.strip('[]')
    host = f'[{bare}]' if ':' in bare else bare
    return (f'{host}:6789', f'{host}:3300', f'{host}:6789')


def one(addr):
    return (addr, addr)


A, B = '10.0.0.1', '10.0.0.2'


@pytest.mark.parametrize('text, expected', [
    # A bare address stands for both protocols.
    (A, [both(A)]),
    (f'{A}/0', [both(A)]),
    (f'{A}/7', [both(A)]),
    (f'{A}:', [both(A)]),
    (f'{A}:0', [both(A)]),
    (f'[{A}]', [both(A)]),
    (f'any:{A}', [both(A)]),
    ('fd00::1', [both('fd00::1')]),
    ('[fd00::1]', [both('fd00::1')]),
    ('FD00:0::1', [both('fd00::1')]),
    ('::1', [both('::1')]),
    # A port implies the protocol.
    (f'{A}:6789', [one(f'{A}:6789')]),
    (f'{A}:6789/0', [one(f'{A}:6789')]),
    (f'[{A}]:6789', [one(f'{A}:6789')]),
    (f'{A}:3300', [one(f'{A}:3300')]),
    (f'{A}:1234', [one(f'{A}:1234')]),
    (f'any:{A}:1234', [one(f'{A}:1234')]),
    ('[fd00::1]:6789', [one('[fd00::1]:6789')]),
    # A protocol implies the port.
    (f'v1:{A}', [one(f'{A}:6789')]),
    (f'v1:{A}:', [one(f'{A}:6789')]),
    (f'v1:{A}/', [one(f'{A}:6789')]),
    (f'v2:{A}', [one(f'{A}:3300')]),
    (f'v1:{A}:3300', [one(f'{A}:3300')]),
    ('v2:[fd00::1]:3300', [one('[fd00::1]:3300')]),
    # Vectors: one monitor with several endpoints, handed out by its v1.
    (f'[v2:{A}:3300,v1:{A}:6789]', [both(A)]),
    (f'[v2:{A}:3300/0,v1:{A}:6789/0]', [both(A)]),
    (f'[v1:{A}:6789,v2:{A}:3300]',
     [(f'{A}:6789', f'{A}:6789', f'{A}:3300')]),
    (f'[v2:{A}:3300]', [one(f'{A}:3300')]),
    ('[v2:[fd00::1]:3300,v1:[fd00::1]:6789]', [both('fd00::1')]),
    (f'[{A}:3300,{A}:6789]', [(f'{A}:3300', f'{A}:3300', f'{A}:6789')]),
    (f'[any:{A}:1234,v1:{A}:6789]',
     [(f'{A}:6789', f'{A}:1234', f'{A}:6789')]),
    # Lists.
    (f'{A},{B}', [both(A), both(B)]),
    (f'{A} {B}', [both(A), both(B)]),
    (f'{A};{B}', [both(A), both(B)]),
    (f'{A} , {B}', [both(A), both(B)]),
    (f'{A},,{B}', [both(A), both(B)]),
    (f',{A},', [both(A)]),
    (f'{B},{A}', [both(B), both(A)]),
    ('fd00::1,fd00::2', [both('fd00::1'), both('fd00::2')]),
    ('[fd00::1],[fd00::2]', [both('fd00::1'), both('fd00::2')]),
    (f'v1:{A}, v1:{B}', [one(f'{A}:6789'), one(f'{B}:6789')]),
    (f'v1:{A}v1:{B}', [one(f'{A}:6789'), one(f'{B}:6789')]),
    (f'[v2:{A}:3300,v1:{A}:6789],[v2:{B}:3300,v1:{B}:6789]',
     [both(A), both(B)]),
    (f'[v2:{A}:3300,v1:{A}:6789][v2:{B}:3300,v1:{B}:6789]',
     [both(A), both(B)]),
    (f'[v2:{A}:3300,v1:{A}:6789] {B}', [both(A), both(B)]),
    (f'v1:{A}:6789,v2:{A}:3300', [one(f'{A}:6789'), one(f'{A}:3300')]),
    # A repeated endpoint counts once.
    (f'{A},{A}', [both(A)]),
    (f'{A},{A}:6789', [both(A)]),
    (f'{A}:6789,{A}', [one(f'{A}:6789')]),
    (f'v1:{A}:1234,v2:{A}:1234', [one(f'{A}:1234')]),
    # Names, and strings that only getaddrinfo accepts as addresses.
    ('localhost', [both('127.0.0.1')]),
    ('localhost:6789', [one('127.0.0.1:6789')]),
    ('[localhost]:6789', [one('127.0.0.1:6789')]),
    (f'localhost,{A}', [both('127.0.0.1'), both(A)]),
    (f'{A}:6789 localhost:3300', [one(f'{A}:6789'), one('127.0.0.1:3300')]),
    ('10.1', [both(A)]),
    ('010.0.0.1', [both('8.0.0.1')]),
])
def test_mon_host(text, expected):
    assert shown(mon_host.parse(text)) == expected


def test_a_name_with_several_addresses_is_several_monitors(monkeypatch):
    def lookup(host, port, *args, **kwargs):
        assert (host, port) == (b'mons.example.org', None)
        return [(0, 0, 0, '', ('10.0.0.1', 0)),
                (0, 0, 0, '', ('fd00::1', 0, 0, 0))]

    monkeypatch.setattr(mon_host.socket, 'getaddrinfo', lookup)
    assert shown(mon_host.parse('mons.example.org')) == [
        both(A), both('fd00::1')]


@pytest.mark.parametrize('text', [
    '', ' ', ';', ',', '-', '\0', 'no-such-name.invalid', '10.0.0.256',
    f'{A},no-such-name.invalid', f'{A}:abc', f'{A}:-5', 'v1:localhost',
    f'V1:{A}', f'v3:{A}', f'v1:{A}:70000', '::ffff:10.0.0.1', 'fe80::1%lo',
    f'[v2:{A}:3300,v1:{A}:6789', f'[v2:{A}:3300 v1:{A}:6789]',
    f'[v2:{A}:3300,v1:{A}:6789],localhost', f'v1:{A},,v1:{B}', f'{A}\t{B}',
    f'{A}\\', '[]', '[', 'localhost:6789/0',
    # Ceph parses this as monitors at port 0, which is unreachable.
    f'[v2:{A},v1:{A}]',
])
def test_mon_host_that_names_no_monitors(text):
    with pytest.raises(ValueError):
        mon_host.parse(text)


@pytest.mark.parametrize('text, expected', [
    (A, one(f'{A}:6789')),
    (f'{A}:1234', one(f'{A}:1234')),
    (f'{A}:3300', one(f'{A}:3300')),
    (f'v1:{A}:6789', one(f'{A}:6789')),
    (f'any:{A}', one(f'{A}:6789')),
    (f'v2:{A}', one(f'{A}:6789')),
    (f'{A}:6789,{B}:6789', one(f'{A}:6789')),
    ('[fd00::1]:6789', one('[fd00::1]:6789')),
])
def test_mon_addr(text, expected):
    assert shown(mon_host.monitors([mon_host.parse_addr(text)])) == [expected]


@pytest.mark.parametrize('text', [
    '', 'localhost:6789', f'[v2:{A}:3300,v1:{A}:6789]', 'bogus'])
def test_no_mon_addr(text):
    with pytest.raises(ValueError):
        mon_host.parse_addr(text)


@pytest.mark.parametrize('port, ports', [
    (0, [3300, 6789]), (6789, [6789]), (3300, [3300]), (1234, [1234])])
def test_addresses_of_srv_records(port, ports):
    monitor, = mon_host.monitors([mon_host.ambiguous(A, port)])
    assert list(monitor.addrs) == [MonAddr(A, each) for each in ports]
    assert monitor.addr == MonAddr(A, ports[-1])
