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

"""``verify``: the images that it opens, and the credentials it uses."""

from __future__ import annotations

import base64
import json

import pytest

from rbd_mon_fix import engine
from rbd_mon_fix import exceptions
from rbd_mon_fix.clients import libvirt
from rbd_mon_fix.engine import verification
from rbd_mon_fix.inventory import instances
from rbd_mon_fix.qemu import open_check
from tests.unit import memory
from tests.unit import worlds
from tests.unit.stores import places

KEY = base64.b64encode(b'key S').decode()


def image(server):
    return f'volumes/volume-{places.volume(server)}'


class Qemu:
    """A QEMU that opens all images except some."""

    def __init__(self):
        self.cases = []
        self.closed = set()
        self.limits = None

    def prove(self, cases, timeout, parallel, advance, silent=None):
        self.limits = timeout, parallel
        self.cases += cases
        for _ in cases:
            advance(1)
        return [open_check.Proof(False, 'No such image.', 0.5)
                if case.image in self.closed
                else open_check.Proof(True, None, 0.5) for case in cases]


@pytest.fixture
def qemu(monkeypatch):
    made = Qemu()
    monkeypatch.setattr(open_check, 'prove', made.prove)
    return made


def keep_keys(place, secrets=('S',)):
    place.asked = []

    def value(uuid):
        place.asked.append(uuid)
        if uuid not in secrets:
            raise exceptions.Gone('Libvirt has no such secret.')
        return f'key {uuid}'.encode()

    place.secret_value = value
    place.secret_value_by_usage = lambda usage: value(f'usage {usage}')


@pytest.fixture
def here(world, qemu):
    """Return a world whose host cmp1 is this machine."""
    world.write_nova_conf(host='cmp1')
    keep_keys(world.domains())
    world.add(1)
    return world


def write_nova_s_secret(world, secret):
    path = world.folder / 'nova.conf'
    path.write_text(f'{path.read_text()}[libvirt]\nrbd_user = nova\n'
                    f'rbd_secret_uuid = {secret}\n')


def verify(world, *hosts, heard=None, limits=None, **fields):
    return engine.verify(
        world.context(), engine.VerifyRequest(
            worlds.request(*hosts, **fields), limits or engine.Limits()),
        heard or worlds.Heard())


def told(found):
    return [(each.locator.store, each.device, each.image, each.proof.opened,
             each.proof.error) for each in found.disks]


def test_what_a_cold_start_reads_is_opened(here, qemu):
    """A cold start reads neither Cinder's attachments nor a process."""
    texts = here.domains().texts
    here.domains().live_texts[memory.uuid(1)] = texts[memory.uuid(1)]
    heard = worlds.Heard()
    found = verify(here, heard=heard, limits=engine.Limits(7.0, 2))
    assert told(found) == [
        ('nova-bdm', 'vda', image(1), True, None),
        ('domain', 'vda', image(1), True, None)]
    assert found.lost == {}
    assert {(each.name, tuple(addr.host for addr in each.proof.tried))
            for each in found.disks} == {('server-1', places.OLD)}
    # Equal disks are opened once.
    [case] = qemu.cases
    assert (case.image, case.user, case.key) == (image(1), 'cinder', KEY)
    assert [addr.host for addr in case.monitors] == list(places.OLD)
    assert qemu.limits == (7.0, 2)
    assert heard.phases == [('Opening', 1, 1)]
    assert here.domains().asked == ['S']


@pytest.mark.parametrize('stores, opened', [
    (['live-domain'], None), (['cinder-attachment', 'live-domain'], None),
    (['cinder-attachment', 'domain'], 1)])
def test_stores_of_which_nothing_is_opened(here, qemu, stores, opened):
    """Code 0 would say that each disk opens."""
    if opened:
        assert len(verify(here, store=stores).disks) == opened
        return
    with pytest.raises(exceptions.ConfigError, match='No cold start reads'):
        verify(here, store=stores)


def test_a_managed_save_image_is_opened(here):
    here.domains().images[memory.uuid(1)] = here.domains().text(1)
    assert {store for store, *_ in told(verify(here))} == {
        'nova-bdm', 'domain', 'managed-save'}


def test_a_disk_that_does_not_open(here, qemu):
    here.add(2)
    qemu.closed = {image(2)}
    assert [(each.image, each.proof.error)
            for each in verify(here, store=['domain']).disks] == [
        (image(1), None), (image(2), 'No such image.')]


def test_proofs_belong_to_their_disks_in_each_batch(here, qemu, monkeypatch):
    monkeypatch.setattr(instances, 'BATCH', 1)
    here.nova.add_row(1, '{not json', device_name='/dev/vdb')
    for server in (2, 3):
        here.add(server)
    qemu.closed = {image(3)}
    found = verify(here, store=['nova-bdm'])
    assert [(each.device, each.image, each.proof.opened)
            for each in found.disks] == [
        ('vda', image(1), True), ('vdb', None, False),
        ('vda', image(2), True), ('vda', image(3), False)]


def test_qemu_tries_nothing_without_the_key(here, qemu):
    keep_keys(here.domains(), ())
    [disk] = verify(here, store=['domain']).disks
    assert disk.proof.error == 'Libvirt has no such secret.'
    assert disk.proof.tried == ()


def test_no_cluster_has_to_be_known(here, qemu):
    """Documents and secrets are enough, so this works while Ceph is down."""
    (here.folder / 'ceph.conf').unlink()
    with pytest.raises(exceptions.ConfigError):
        assert here.context().clusters
    found = verify(here)
    assert len(found.disks) == 2
    assert all(each.proof.opened for each in found.disks)
    assert len(qemu.cases) == 1


def test_what_servers_of_other_hosts_left_behind_is_not_opened(here, qemu):
    here.add(2, 'cmp2')
    here.domains('cmp1').add(2)  # Nova has it on cmp2
    here.domains('cmp1').add(9)  # Nova created it, but no longer knows it
    here.add_plain(8)            # known to libvirt alone: it starts from here
    found = verify(here)
    assert {worlds.number(each.locator.instance)
            for each in found.disks} == {1, 8}
    assert {case.image for case in qemu.cases} == {image(1), image(8)}


def test_what_cannot_be_read_is_not_tried(here, qemu):
    here.nova.add_row(1, '{not json', device_name='/dev/vdb')
    here.nova.add_row(1, here.nova.text(1, hosts=7), device_name='/dev/vdc')
    ok, text, disk = told(verify(here, store=['nova-bdm']))
    assert ok[3]
    assert text[:4] == ('nova-bdm', 'vdb', None, False)
    assert disk[3] is False
    for each in (text, disk):
        assert each[4].startswith('not tried: ')
    assert len(qemu.cases) == 1


@pytest.mark.parametrize('fields, secret, user, key', [
    ({}, 'N', 'cinder', KEY),
    # Nova uses its own secret if the mapping names none.
    ({'secret_uuid': None}, 'N', 'nova', 'N'),
    ({'secret_uuid': None}, None, 'cinder', None),
    ({'secret_uuid': None, 'auth_enabled': False,
      'auth_username': None}, None, None, None)])
def test_credentials(here, qemu, fields, secret, user, key):
    keep_keys(here.domains(), ('S', 'N'))
    if secret:
        write_nova_s_secret(here, secret)
    here.add(2)
    here.nova.tables.update(
        'block_device_mapping', 'id', 2,
        connection_info=here.nova.text(2, **fields))
    verify(here, store=['nova-bdm'], instance=[memory.uuid(2)])
    [case] = qemu.cases
    expected = base64.b64encode(b'key N').decode() if key == 'N' else key
    assert (case.user, case.key) == (user, expected)


def test_a_domain_has_its_own_word(here, qemu):
    """Nova's defaults apply to its mappings only, not to a domain."""
    write_nova_s_secret(here, 'N')
    text = here.domains().text(1)
    head, _, tail = text.partition('      <auth')
    here.domains().texts[memory.uuid(1)] = head + tail.partition(
        '</auth>\n')[2]
    verify(here, store=['domain'])
    [case] = qemu.cases
    assert (case.user, case.key) == (None, None)


def test_a_secret_that_is_named_by_its_usage(here, qemu):
    """Two guests may name the same cephx user with keys of two clusters."""
    keep_keys(here.domains(), ('usage site A', 'usage site B'))
    here.add(2)
    for server, site in ((1, 'A'), (2, 'B')):
        here.domains().texts[memory.uuid(server)] = here.domains().text(
            server).replace("uuid='S'", f"usage='site {site}'")
    verify(here, store=['domain'])
    assert [(case.user, base64.b64decode(case.key)) for case in qemu.cases
            ] == [('cinder', b'key usage site A'),
                  ('cinder', b'key usage site B')]


def test_a_secret_that_is_missing(here, qemu):
    keep_keys(here.domains(), ())
    found = verify(here)
    assert {each.proof.error for each in found.disks} == {
        'Libvirt has no such secret.'}
    assert qemu.cases == []


def test_a_secret_that_may_not_be_read(here, qemu):
    def declined(uuid):
        raise libvirt.Declined('Permission denied')

    here.domains().secret_value = declined
    with pytest.raises(exceptions.ConfigError, match='secret S: Permission'):
        verify(here)


@pytest.mark.parametrize('hosts', [('cmp2',), ('cmp1', 'cmp2')])
def test_hosts_that_are_not_this_machine(here, qemu, hosts):
    here.add(2, 'cmp2')
    with pytest.raises(exceptions.ConfigError, match='is not cmp2'):
        verify(here, *hosts)
    assert qemu.cases == []


def test_libvirt_that_is_down(here, qemu):
    here.libvirts.clear()
    with pytest.raises(exceptions.Unreachable):
        verify(here)


@pytest.mark.parametrize('closed, stores', [
    (False, set()), (True, {'nova-bdm', 'domain'})])
def test_complaints_about_changes(here, qemu, closed, stores):
    if closed:
        qemu.closed = {image(1)}
    plan = here.plan()
    assert len(plan.changes) == 3
    found = verification.Prover(
        here.context(), ['cmp1'], engine.Limits(),
        worlds.Heard()).complaints(plan.changes)
    assert {locator.store for locator in found} == stores
    assert set(found.values()) <= {
        f'{image(1)} does not open: No such image.'}
    [case] = qemu.cases
    assert case.monitors == memory.addrs(memory.NEW)


def test_no_key_is_told(here, qemu):
    assert KEY not in repr(verify(here))
    assert KEY not in json.dumps([str(case) for case in qemu.cases])
