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

"""Resolving names and SRV records."""

import socket
import threading
import time

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.ceph import dns


def test_names_and_addresses():
    found = dns.resolve(
        ['localhost', '127.0.0.9', 'no-such-name.invalid', 'a..b', 'x' * 70])
    assert '127.0.0.1' in found.pop('localhost')
    assert found == {'127.0.0.9': frozenset({'127.0.0.9'}),
                     'no-such-name.invalid': frozenset(),
                     'a..b': frozenset(), 'x' * 70: frozenset()}


def test_nothing_to_look_up():
    assert dns.resolve([]) == {}


def test_a_resolver_that_hangs_is_not_waited_for(monkeypatch):
    release = threading.Event()
    real = socket.getaddrinfo

    def slow(host, *args, **kwargs):
        if host == 'slow':
            release.wait(30)
        return real('127.0.0.1', *args, **kwargs)

    monkeypatch.setattr(socket, 'getaddrinfo', slow)
    begun = time.monotonic()
    found = dns.resolve(['slow', 'fast'], timeout=0.3)
    release.set()
    assert time.monotonic() - begun < 10
    assert found == {'slow': frozenset(), 'fast': frozenset({'127.0.0.1'})}


@pytest.fixture
def server(monkeypatch):
    """Serve the SRV records that a test adds, on loopback."""
    pytest.importorskip('dns', reason='dnspython is not installed')
    from dns import message
    from dns import resolver
    from dns import rrset
    records = {}
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(('127.0.0.1', 0))

    def serve():
        while True:
            wire, client = server.recvfrom(4096)
            if not wire:
                return
            query = message.from_wire(wire)
            answer = message.make_response(query)
            name = query.question[0].name
            known = records.get(name.to_text())
            if known:
                answer.answer.append(
                    rrset.from_text(name, 60, 'IN', 'SRV', *known))
            else:
                answer.set_rcode(3)
            server.sendto(answer.to_wire(), client)

    thread = threading.Thread(target=serve)
    thread.start()
    ours = resolver.Resolver(configure=False)
    ours.nameservers = ['127.0.0.1']
    ours.port = server.getsockname()[1]
    monkeypatch.setattr(resolver, 'default_resolver', ours)
    yield records
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(
        b'', server.getsockname())
    thread.join(10)
    server.close()


def test_srv_records_in_order_of_priority(server):
    server['_ceph-mon._tcp.example.org.'] = [
        '20 0 6789 mon2.example.org.', '10 0 3300 mon1.example.org.']
    assert dns.services('_ceph-mon._tcp.example.org') == (
        dns.Service('mon1.example.org', 3300),
        dns.Service('mon2.example.org', 6789))


def test_no_srv_records(server):
    with pytest.raises(exceptions.ConfigError, match='has no SRV records'):
        dns.services('_ceph-mon._tcp.example.org')


def test_srv_without_dnspython(monkeypatch):
    monkeypatch.setitem(__import__('sys').modules, 'dns', None)
    with pytest.raises(exceptions.ConfigError) as caught:
        dns.services('_ceph-mon._tcp')
    assert 'Install dnspython' in caught.value.hint
