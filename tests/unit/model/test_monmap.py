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

"""Parsing, printing and comparing monitor addresses."""

from hypothesis import given
from hypothesis import strategies as st
import pytest

from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.monmap import Monitor
from rbd_mon_fix.model.monmap import MonMap
from tests.unit import memory

NOBODY: dict[str, frozenset[str]] = {}


@pytest.mark.parametrize('host, port, expected', [
    ('10.0.0.1', 6789, ('10.0.0.1', 6789)),
    ('10.0.0.1', '6789', ('10.0.0.1', 6789)),
    ('10.0.0.1', None, ('10.0.0.1', None)),
    ('10.0.0.1', '', ('10.0.0.1', None)),
    ('10.0.0.1', '06789', ('10.0.0.1', 6789)),
    ('10.0.0.1', 1, ('10.0.0.1', 1)),
    ('10.0.0.1', 65535, ('10.0.0.1', 65535)),
    ('[10.0.0.1]', None, ('10.0.0.1', None)),
    ('::1', 6789, ('::1', 6789)),
    ('[::1]', 6789, ('::1', 6789)),
    ('2001:DB8:0:0::1', 3300, ('2001:db8::1', 3300)),
    ('[2001:0db8::0001]', 3300, ('2001:db8::1', 3300)),
    ('mon1', 6789, ('mon1', 6789)),
    ('Mon-1.Example.ORG', 6789, ('mon-1.example.org', 6789)),
    ('mon_1.', 6789, ('mon_1.', 6789)),
    ('1a', 6789, ('1a', 6789)),
    ('[FE80::1%br-Ex_1.2]', 6789, ('fe80::1%br-Ex_1.2', 6789)),
])
def test_of(host, port, expected):
    addr = MonAddr.of(host, port)
    assert (addr.host, addr.port) == expected


@pytest.mark.parametrize('host', [
    '', ' ', 'mon 1', ' mon1', 'mon1\n', '\nmon1', 'mon1,mon2', '-mon', 'mon-',
    'm\u00f6n', '10.0.0', '10.0.0.1.2', '999.0.0.1', '1234', '10.0.0.1\n',
    '10.0.0.1:6789', '[mon1]', '[::1', '::1]', '[]', '::1::2', 'a:b',
    None, 5, b'mon1', ['10.0.0.1'],
    'fe80::1%', "fe80::1%a'b", 'fe80::1%a b', 'fe80::1%\ud800',
])
def test_no_host(host):
    with pytest.raises(ValueError):
        MonAddr.of(host, 6789)


@pytest.mark.parametrize('port', [
    0, 65536, 100000, -1, '-1', '+1', '0', 'x', '6789\n', ' 6789', '6789 ',
    '6_789', '\u0666\u0667', True, False, 6789.0, '6789.0', [6789], {},
])
def test_no_port(port):
    with pytest.raises(ValueError):
        MonAddr.of('10.0.0.1', port)


@pytest.mark.parametrize('text, port', [
    ('0.0.0.0', 0), ('0.0.0.0', '0'), ('::', 0), ('[::]', '0')])
def test_a_monitor_without_an_address_yet(text, port):
    addr = MonAddr.of(text, port)
    assert (addr.port, addr.is_placeholder) == (0, True)
    assert MonAddr.parse(str(addr)) == addr


def test_an_address_is_no_placeholder():
    assert not MonAddr.of('10.0.0.1', 6789).is_placeholder
    assert not MonAddr.of('mon1', 6789).is_placeholder


@pytest.mark.parametrize('text, host, port', [
    ('10.0.0.1', '10.0.0.1', None),
    ('10.0.0.1:6789', '10.0.0.1', 6789),
    ('::1', '::1', None),
    ('[::1]', '::1', None),
    ('[::1]:6789', '::1', 6789),
    # The last group of an address without brackets is not a port.
    ('2001:db8::1:6789', '2001:db8::1:6789', None),
    ('mon1', 'mon1', None),
    ('mon1:3300', 'mon1', 3300),
])
def test_parse(text, host, port):
    assert MonAddr.parse(text) == MonAddr(host, port)


@pytest.mark.parametrize('text', [
    '', ':', ':6789', '10.0.0.1:', 'mon1:', 'mon1:x', '10.0.0.1:6789\n',
    '10.0.0.1:6789/0', 'v1:10.0.0.1:6789', '[::1]6789', '[::1]:', '[:6789',
    '10.0.0.1:0', '10.0.0.1:6789,10.0.0.2:6789',
])
def test_parse_no_address(text):
    with pytest.raises(ValueError):
        MonAddr.parse(text)


@pytest.mark.parametrize('addr, text', [
    (MonAddr('10.0.0.1', 6789), '10.0.0.1:6789'),
    (MonAddr('10.0.0.1', None), '10.0.0.1'),
    (MonAddr('::1', 6789), '[::1]:6789'),
    (MonAddr('::1', None), '[::1]'),
    (MonAddr('mon1', 6789), 'mon1:6789'),
])
def test_str(addr, text):
    assert str(addr) == text


HOSTS = st.one_of(
    st.ip_addresses().map(str),
    st.from_regex(r'[a-z][a-z0-9]{0,9}(\.[a-z][a-z0-9]{0,9}){0,3}',
                  fullmatch=True))
ADDRS = st.builds(MonAddr.of, HOSTS,
                  st.one_of(st.none(), st.integers(1, 65535)))


@given(ADDRS)
def test_what_is_printed_can_be_parsed(addr):
    assert MonAddr.parse(str(addr)) == addr


@pytest.mark.parametrize('host, expected', [
    ('10.0.0.1', False), ('::1', False), ('mon1', True), ('1a', True),
])
def test_is_name(host, expected):
    assert MonAddr.of(host).is_name is expected


def test_the_address_of_a_monitor_is_one_of_its_endpoints():
    v1, v2 = memory.addrs('10.0.0.1:6789,10.0.0.1:3300')
    Monitor('a', v1, (v2, v1))
    with pytest.raises(ValueError, match='10.0.0.1:6789'):
        Monitor('a', v1, (v2,))


@pytest.mark.parametrize('words, expected', [
    (memory.NEW, True),
    ('10.1.0.3:6789,10.1.0.1:6789,10.1.0.2:6789', True),
    ('10.1.0.1:6789,10.1.0.2:6789', False),
    (memory.NEW + ',10.1.0.4:6789', False),
    (memory.NEW + ',10.1.0.1:6789', False),
    ('10.1.0.1:6789,10.1.0.1:6789,10.1.0.2:6789', False),
    ('10.1.0.1,10.1.0.2:6789,10.1.0.3:6789', False),
    ('10.1.0.1:3300,10.1.0.2:6789,10.1.0.3:6789', False),
    (memory.OLD, False),
    ('', False),
])
def test_is_current(words, expected):
    assert memory.monmap().is_current(memory.addrs(words)) is expected


def test_addrs_are_in_rank_order():
    words = '10.1.0.3:6789,10.1.0.1:6789'
    assert memory.monmap(words).addrs == memory.addrs(words)
    assert MonMap(()).addrs == ()


@pytest.mark.parametrize('addr, expected', [
    ('10.1.0.2:6789', True),
    ('10.1.0.2:3300', True),
    ('10.1.0.2', True),
    ('10.1.0.2:6790', False),
    ('10.0.0.2:6789', False),
    ('10.0.0.2', False),
    ('mon2:6789', True),
    ('mon2:6790', False),
    ('mon2', True),
    ('mon9:6789', False),
    ('unknown:6789', False),
])
def test_leads(addr, expected):
    names = {'mon2': frozenset({'10.9.0.2', '10.1.0.2'}),
             'mon9': frozenset({'10.9.0.9'})}
    assert memory.monmap().leads(MonAddr.parse(addr), names) is expected


def test_without_a_port_both_default_ports_count():
    custom = memory.monmap('10.1.0.1:7000')
    # It listens on 3300 too; a monitor that listens on neither is not found.
    assert custom.leads(MonAddr('10.1.0.1', None), NOBODY)
    addr = MonAddr('10.1.0.1', 7000)
    alone = MonMap((Monitor('', addr, (addr,)),))
    assert not alone.leads(MonAddr('10.1.0.1', None), NOBODY)
    assert not MonMap(()).leads(addr, NOBODY)


@given(st.lists(ADDRS, unique=True), st.randoms())
def test_order_never_matters(found, random):
    right = MonMap(tuple(Monitor('', addr, (addr,)) for addr in found))
    random.shuffle(found)
    assert right.is_current(found)
