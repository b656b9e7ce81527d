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

"""The tables that Linux keeps in /proc/PID/net."""

from __future__ import annotations

import socket

from hypothesis import given
from hypothesis import strategies
import pytest

from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.qemu import proc_net

HEAD = ('  sl  local_address rem_address   st tx_queue rx_queue tr tm->when '
        'retrnsmt   uid  timeout inode\n')
REST = '00000000:00000000 00:00000000 00000000     0        0'


def word(host: str, port: int) -> str:
    """Format an address as the kernel of this machine does."""
    packed = socket.inet_pton(
        socket.AF_INET6 if ':' in host else socket.AF_INET, host)
    words = [socket.ntohl(int.from_bytes(packed[at:at + 4], 'big'))
             for at in range(0, len(packed), 4)]
    return ''.join(f'{each:08X}' for each in words) + f':{port:04X}'


def line(host: str, port: int, state: str = '01', inode: str = '77') -> str:
    local = word('::1' if ':' in host else '127.0.0.1', 40000)
    return f'   0: {local} {word(host, port)} {state} {REST} {inode} 1\n'


@pytest.mark.parametrize('host, shown', [
    ('127.0.0.23', '127.0.0.23:3300'), ('fd00::1', '[fd00::1]:3300'),
    ('::ffff:10.0.0.1', '10.0.0.1:3300')])
def test_remote_ends(host, shown):
    found = dict(proc_net.established(HEAD + line(host, 3300)))
    assert found == {'77': MonAddr.parse(shown)}


@pytest.mark.parametrize('state', ['02', '06', '0A'])
def test_only_open_connections_count(state):
    assert not list(proc_net.established(
        HEAD + line('10.0.0.1', 3300, state)))


@pytest.mark.parametrize('table', ['', HEAD, HEAD + '   0: cut off\n'])
def test_nothing_to_be_found(table):
    assert list(proc_net.established(table)) == []


@pytest.mark.parametrize('remote', [
    '', ':', '0100007F', '0100007F:', ':1A85', '01:1A85', '0100007FAA:1A85',
    '0100007F0100007F:1A85', 'x' * 8 + ':1A85', '0100007F:1A85:1A85',
    '0100007F:FFFFF', '0100007F:-1', '0100007F:0000'])
def test_lines_in_another_format_are_skipped(remote):
    odd = line('10.0.0.1', 3300).replace(word('10.0.0.1', 3300), remote or '-')
    assert list(proc_net.established(
        HEAD + odd + line('10.0.0.2', 3300, inode='78'))) == [
            ('78', MonAddr.parse('10.0.0.2:3300'))]


@given(strategies.lists(strategies.lists(strategies.text(
    '0123456789ABCDEFx: \x00\udcff', max_size=20), min_size=10)))
def test_no_table_crashes_it(lines):
    for fields in lines:
        fields[3] = '01'
    list(proc_net.established(HEAD + '\n'.join(map(' '.join, lines))))


@pytest.mark.parametrize('family, host, table', [
    (socket.AF_INET, '127.0.0.1', 'tcp'), (socket.AF_INET6, '::1', 'tcp6')])
def test_as_this_kernel_writes_it(family, host, table):
    with socket.socket(family) as server:
        try:
            server.bind((host, 0))
        except OSError:
            pytest.skip(f'no {host} here')
        server.listen()
        port = server.getsockname()[1]
        with socket.create_connection((host, port)), open(
                f'/proc/self/net/{table}') as file:
            found = dict(proc_net.established(file.read()))
    assert MonAddr.of(host, port) in found.values()
