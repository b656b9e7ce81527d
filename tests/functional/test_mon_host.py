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

"""mon_host as we parse it, and as the installed monmaptool does.

``monmaptool --create --generate`` runs the code with which librados looks
for its first monitor.
"""

import re
import shutil
import subprocess

from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.ceph import conf as ceph_conf

pytestmark = pytest.mark.skipif(
    shutil.which('monmaptool') is None,
    reason='monmaptool, of ceph-base or ceph-common, is not installed')

FSID = '8a531320-0f05-4842-a642-2f40a98c65ab'


def judged(path, output):
    """Return the endpoints of each monitor, or None for an error."""
    output.unlink(missing_ok=True)
    made = subprocess.run(
        ['monmaptool', '--create', '--generate', '--fsid', FSID, '-c',
         str(path), str(output)], capture_output=True, timeout=30)
    if made.returncode:
        return None
    text = subprocess.run(
        ['monmaptool', '--print', str(output)], capture_output=True,
        text=True, timeout=30, check=True).stdout
    lines = re.findall(r'^\d+: (.*) mon\.', text, re.MULTILINE)
    return {_line(line) for line in lines}


def _line(line):
    """Return the address that Cinder would hand out, and every endpoint."""
    vector = re.findall(r'(v1|v2):(\S+?)/\d+', line)
    legacy = [addr for kind, addr in vector if kind == 'v1']
    addrs = [addr for _kind, addr in vector]
    return ((legacy or addrs)[0], frozenset(addrs))


def ours(path):
    """Return the same as ``_line`` from our parser; None for an error."""
    try:
        monmap = ceph_conf.load(str(path)).monmap()
    except exceptions.ConfigError:
        return None
    return {(str(monitor.addr), frozenset(map(str, monitor.addrs)))
            for monitor in monmap.monitors}


ipv4 = st.integers(1, 254).map('10.1.0.{}'.format) | st.sampled_from(
    ['192.0.2.7', '127.0.0.1'])
ipv6 = st.integers(1, 0xffff).map('fd00::{:x}'.format) | st.sampled_from(
    ['::1', 'FD00:0:0::A', '2001:db8:0:1:1:1:1:1'])
port = st.sampled_from(['', '', ':6789', ':3300', ':1234', ':'])
nonce = st.sampled_from(['', '', '/0', '/'])
kind = st.sampled_from(['', '', 'v1:', 'v2:', 'any:'])
bracketed = ipv6.map('[{}]'.format)
plain = st.builds('{}{}{}{}'.format, kind, ipv4 | bracketed, port, nonce)
bare_ipv6 = st.builds('{}{}'.format, kind, ipv6)
name = st.builds('{}{}'.format, st.sampled_from(['localhost', '[localhost]']),
                 st.sampled_from(['', ':6789', ':3300', ':1234']))
vector = st.builds(
    '[v2:{0}:{1}{2},v1:{0}:{3}{2}]'.format,
    st.integers(1, 254).map('10.2.0.{}'.format)
    | st.integers(1, 0xffff).map('[fd02::{:x}]'.format),
    st.sampled_from([3300, 1234]), st.sampled_from(['', '/0']),
    st.sampled_from([6789, 1235]))
# Mistakes seen in real files.
wrong = st.sampled_from([
    'v3:10.1.0.1', '10.1.0.1:x', '10.1.0.256', '[10.1.0.1', 'V1:10.1.0.1',
    '[v2:10.1.0.1:3300 v1:10.1.0.1:6789]', 'no-such-name.invalid',
    '::ffff:10.1.0.1', '[]', 'localhost:6789/0', 'v1:localhost'])
separator = st.sampled_from([',', ' ', ', ', ' , ', '\\;', ' \\; ', ',,'])


def _vector_host(item):
    vector = re.match(r'\[v2:(\[.*?\]|[^:]*)', item)
    return vector.group(1) if vector else item


@st.composite
def lists(draw, items, most=4):
    """Join items by separators that may differ.

    Ceph aborts if an endpoint of a vector occurs twice.
    """
    drawn = draw(st.lists(
        items, min_size=1, max_size=most, unique_by=_vector_host))
    text = drawn[0]
    for item in drawn[1:]:
        text += draw(separator) + item
    return text


setting = st.builds(
    '{}{}{}{}'.format,
    st.sampled_from(['mon_host = ', 'mon host=', '\tmon  host\t= ']),
    lists(plain | bare_ipv6 | vector)
    | lists(ipv4 | bracketed | name) | lists(plain | wrong, most=2),
    st.sampled_from(['', ' ', ' # comment', ' ; comment']),
    st.just('\n'))


@settings(derandomize=True, deadline=None, max_examples=300)
@given(st.sampled_from(['[global]\n', '# c\n\n[client]\n',
                        '[client.admin]\n']), setting)
def test_generated_values(tmp_path_factory, section, line):
    folder = tmp_path_factory.mktemp('mon_host')
    path = folder / 'ceph.conf'
    path.write_text(section + line)
    expected = judged(path, folder / 'monmap')
    assert ours(path) == expected


@settings(derandomize=True, deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.sampled_from('abc'), st.sampled_from([
    '10.1.0.1', '10.1.0.2:1234', 'v1:10.1.0.3', 'v2:10.1.0.3', 'bogus',
    '[fd00::1]:6789', '10.1.0.4:3300,10.1.0.5', 'localhost'])), min_size=1))
def test_sections_of_monitors(tmp_path_factory, sections):
    folder = tmp_path_factory.mktemp('mon_addr')
    path = folder / 'ceph.conf'
    path.write_text(''.join(f'[mon.{letter}]\nmon addr = {addr}\n'
                            for letter, addr in sections))
    assert ours(path) == judged(path, folder / 'monmap')


@pytest.mark.parametrize('text', [
    '[global]\nmon_host = 10.1.0.1\nmon host = 10.1.0.2\n',
    '[global]\nmon_host = 10.1.0.1\n[global]\nmon_host = 10.1.0.2\n',
    '[global]\nmon_host = 10.1.0.1, \\\n10.1.0.2\n',
    '[global]\nmon_host = "10.1.0.1, 10.1.0.2"\n',
    "[global]\nmon_host = '10.1.0.1'\n",
    '[global]\nmon_host = 10.1.0.1;10.1.0.2\n',
    '[global]\r\nmon_host = 10.1.0.1\r\n',
    'mon_host=10.1.0.1\n',
    '[global] # c\nmon_host=10.1.0.1\n',
    '[client.admin]\nmon_host=10.1.0.3\n[client]\nmon_host=10.1.0.2\n'
    '[global]\nmon_host=10.1.0.1\n',
    '[global]\nmon_host=10.1.0.3\n[mon.a]\nmon_addr=10.1.0.4\n',
    '[global]\nmon_host =\n[mon.x]\nmon_addr = 10.1.0.3\n',
    '[mon.a]\nhost=x\n[mon]\nmon_addr=10.1.0.9\n',
    '[global]\nmon_addr=10.1.0.3\n[mon.a]\nhost = x\n',
    '[global]\nmon_host=10.1.0.1,10.1.0.1:6789\n',
    '[global]\nmon_host=10.1.0.1:6789,10.1.0.1\n',
    '[global]\nmon_host=10.1.0.1:1234,10.1.0.1\n',
    '[global]\nmon_host=$host\n',
    # Neither parser accepts these.
    '[global]\nmon-host = 10.1.0.1\n',
    '[global]\nMON_HOST = 10.1.0.1\n',
    '[mon]\nmon_host=10.1.0.9\n',
    '[ global ]\nmon_host=10.1.0.3\n',
    '[global\nmon_host=10.1.0.3\n',
    '[global]\nfoo\nmon_host=10.1.0.3\n',
    '[global]\nmon_host=$cluster\n',
    '',
])
def test_files(tmp_path, text):
    path = tmp_path / 'ceph.conf'
    path.write_bytes(text.encode())
    assert ours(path) == judged(path, tmp_path / 'monmap')
