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

"""The clusters that the config names, and the services asked about them."""

import json
import logging
import pathlib

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.ceph import backends as ceph_backends
from rbd_mon_fix.ceph import client as ceph
from rbd_mon_fix.ceph import clusters as ceph_clusters
from rbd_mon_fix.ceph import conf as ceph_conf
from rbd_mon_fix.ceph import monitors_file
from rbd_mon_fix.ceph import override_block
from rbd_mon_fix.ceph import search
from rbd_mon_fix.conf import cinder as cinder_conf
from rbd_mon_fix.conf import nova as nova_conf
from rbd_mon_fix.model.cluster import Backend
from rbd_mon_fix.model.cluster import Source
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.shield import Override
from rbd_mon_fix.report import schema

FSID = '11111111-0f05-4842-a642-2f40a98c65ab'
OTHER = '22222222-0f05-4842-a642-2f40a98c65ab'


@pytest.fixture
def conf(tmp_path):
    """Write a ceph.conf and return its path."""
    def written(name, fsid=None, mon_host='10.0.0.1'):
        path = tmp_path / name
        path.write_text('[global]\n' + (f'fsid = {fsid}\n' if fsid else '')
                        + f'mon_host = {mon_host}\n')
        return str(path)
    return written


@pytest.fixture
def cloud(monkeypatch):
    """Stand in for ``ceph mon dump``: fsid and address, keyed by ceph.conf."""
    class Cloud(dict):
        asked = []

    known = Cloud()

    def mon_dump(path, flag, user, bypass, running):
        known.asked.append((path, flag, user, *['bypass'][:bypass]))
        answer = known.get((path, user), known.get(path))
        if bypass:
            answer = known.get('bypass')
        if answer is None:
            raise exceptions.Unreachable(f'No answer by {path}.')
        fsid, addr = answer
        return json.dumps({'fsid': fsid, 'mons': [
            {'rank': 0, 'name': 'a', 'addr': f'{addr}:6789/0'}]})

    known.asked = []
    monkeypatch.setattr(ceph, 'mon_dump', mon_dump)
    return known


def cinder(*backends):
    return cinder_conf.CinderConf(None, tuple(backends))


def backend(name, path, **changes):
    return cinder_conf.CinderBackend(**{
        'name': name, 'ceph_conf': path, 'cluster_name': 'ceph',
        'user': 'cinder', 'secret_uuid': 'S', 'pool': 'volumes', **changes})


def nova(path='', **changes):
    return nova_conf.NovaConf(**{
        'host': 'c1', 'instances_path': '',
        'images_type': 'rbd', 'images_rbd_pool': 'vms',
        'images_rbd_ceph_conf': path, 'rbd_user': 'nova',
        'rbd_secret_uuid': 'N', 'connection_uri': '',
        'database_connection': None, 'api_database_connection': None,
        **changes})


def learn(nova=None, cinder=None, plain=None, path=None,
          offline=False):
    given = path and monitors_file.MonitorsFile(path)
    confs = ceph_backends.cluster_confs(nova, cinder, plain)
    with search.Search(() if offline or path else confs) as asking:
        return ceph_clusters.learn(nova, cinder, plain, given,
                                   None if offline else asking)


def shown(found):
    return [(each.name, each.fsid, each.source,
             [str(addr) for addr in each.monmap.addrs]) for each in found]


OWN = Backend('cinder', 'a', 'volumes', 'cinder', 'S')


def test_the_cluster_s_word(conf, cloud, caplog):
    path = conf('ceph.conf', FSID)
    cloud[path] = FSID, '10.0.0.9'
    found = learn(cinder=cinder(backend('a', path)))
    assert shown(found) == [
        ('ceph', FSID, Source.MON_DUMP, ['10.0.0.9:6789'])]
    assert found[0].backends == (OWN,)
    assert cloud.asked == [(path, 'ceph', 'cinder')]
    assert not caplog.records


def test_ceph_conf_where_the_cluster_does_not_answer(conf, cloud, caplog):
    path = conf('ceph.conf', FSID)
    assert shown(learn(cinder=cinder(backend('a', path)))) == [
        ('ceph', FSID, Source.CEPH_CONF, ['10.0.0.1:6789'])]
    record, = caplog.records
    assert record.levelno == logging.WARNING
    assert path in record.getMessage()
    assert 'No answer by' in record.getMessage()


def test_offline_asks_nobody(conf, cloud, caplog):
    path = conf('ceph.conf')
    cloud[path] = FSID, '10.0.0.9'
    assert shown(learn(cinder=cinder(backend('a', path)), offline=True)) == [
        ('ceph', None, Source.CEPH_CONF, ['10.0.0.1:6789'])]
    assert cloud.asked == []
    assert not caplog.records


def test_the_cluster_s_word_suffices_without_a_ceph_conf(cloud):
    cloud['/no/ceph.conf'] = FSID, '10.0.0.9'
    assert shown(learn(cinder=cinder(backend('a', '/no/ceph.conf')))) == [
        ('ceph', FSID, Source.MON_DUMP, ['10.0.0.9:6789'])]


def test_a_user_that_is_not_answered(conf, cloud):
    path = conf('ceph.conf')
    cloud[path, 'nova'] = FSID, '10.0.0.9'
    found = learn(nova(path), cinder(backend('a', path)))
    assert [each.source for each in found] == [Source.MON_DUMP]
    assert cloud.asked == [(path, 'ceph', 'cinder'), (path, None, 'nova')]


def test_nothing_learnt_at_all(cloud):
    with pytest.raises(exceptions.ConfigError, match='/no/ceph.conf'):
        learn(cinder=cinder(backend('a', '/no/ceph.conf')))


def test_another_cluster_answers(conf, cloud, caplog):
    path, good = conf('ceph.conf', FSID), conf('good.conf')
    cloud[path] = OTHER, '10.0.0.9'
    with pytest.raises(exceptions.ConfigError) as caught:
        learn(cinder=cinder(backend('a', path)))
    assert FSID in caught.value.message
    assert OTHER in caught.value.message
    cloud[good] = OTHER, '10.0.0.9'
    found = learn(cinder=cinder(backend('a', path), backend('b', good)))
    assert shown(found) == [
        ('ceph-a', None, Source.NONE, []),
        ('ceph-22222222', OTHER, Source.MON_DUMP, ['10.0.0.9:6789'])]
    assert 'left alone' in caplog.text


def test_two_clusters_of_which_one_is_lost(conf, cloud, caplog):
    path = conf('ceph.conf', FSID)
    cloud[path] = FSID, '10.0.0.9'
    found = learn(cinder=cinder(
        backend('a', '/no/fast.conf', cluster_name='fast'),
        backend('b', path)))
    assert shown(found) == [
        ('fast', None, Source.NONE, []),
        ('ceph', FSID, Source.MON_DUMP, ['10.0.0.9:6789'])]
    assert found[0].backends == (OWN,)
    assert '/no/fast.conf' in caplog.text


@pytest.mark.parametrize('offline', [True, False])
def test_sections_of_one_cluster_are_one(conf, cloud, offline):
    one, two = conf('one.conf', FSID), conf('two.conf', FSID)
    cloud[two] = FSID, '10.0.0.9'
    found, = learn(
        nova(two), cinder(backend('a', one), backend('b', one, pool='ssd'),
                          backend('c', two, pool='hdd')), offline=offline)
    assert found.name == 'ceph'
    assert [(each.owner, each.name, each.pool) for each in found.backends
            ] == [('cinder', 'a', 'volumes'), ('cinder', 'b', 'ssd'),
                  ('cinder', 'c', 'hdd'), ('nova', '', 'vms')]
    assert found.source is (
        Source.CEPH_CONF if offline else Source.MON_DUMP)


def test_two_paths_of_one_file_are_one(conf, cloud, tmp_path):
    path = conf('ceph.conf')
    link = tmp_path / 'link.conf'
    link.symlink_to(path)
    assert len(learn(cinder=cinder(
        backend('a', path), backend('b', str(link))), offline=True)) == 1


def test_files_that_disagree_about_one_cluster(conf, cloud, caplog):
    found, = learn(cinder=cinder(
        backend('a', conf('a.conf', FSID, '10.0.0.1')),
        backend('b', conf('b.conf', FSID, '10.0.0.2'))), offline=True)
    assert [str(addr) for addr in found.monmap.addrs] == ['10.0.0.1:6789']
    message, = caplog.messages
    assert message.startswith('Cluster ceph: using the monitors in ')
    assert 'b.conf' in message


@pytest.mark.parametrize('fsids, answers, warned', [
    ([FSID, OTHER], '', ['ceph-11111111', 'ceph-22222222']),
    ([FSID, OTHER], 'a', ['ceph-22222222']),
    # One cluster, whose monitors are those that it returned.
    ([FSID, FSID], 'a', []), ([FSID, FSID], 'b', []),
    ([FSID, FSID], '', ['ceph'])])
def test_warnings_name_a_cluster_as_reports_do_and_once(
        conf, cloud, caplog, fsids, answers, warned):
    paths = [conf(f'{tag}.conf', fsid) for tag, fsid in zip('ab', fsids)]
    for tag, path, fsid in zip('ab', paths, fsids):
        if tag in answers:
            cloud[path] = fsid, '10.0.0.9'
    learn(cinder=cinder(*map(backend, 'ab', paths)))
    assert [each.partition(': ')[0] for each in caplog.messages] == [
        f'Cluster {name}' for name in warned]


def test_a_monitor_without_an_address_is_told_by_its_cluster(
        conf, caplog, monkeypatch):
    monkeypatch.setattr(ceph, 'mon_dump', lambda path, *_, **__: json.dumps({
        'fsid': FSID if 'a.conf' in path else OTHER, 'mons': [
            {'rank': 0, 'name': 'a', 'addr': '10.0.0.1:6789/0'},
            {'rank': 1, 'name': 'b', 'addr': '0.0.0.0:0/2'}]}))
    learn(nova(conf('a.conf', FSID)), cinder(
        backend('a', conf('a.conf', FSID)), backend('b', conf('b.conf'))))
    assert caplog.messages == [
        f'Cluster {name}: skipping monitors that have no address yet: b'
        for name in ('ceph-11111111', 'ceph-22222222')]


@pytest.mark.parametrize('fsids, names', [
    ([FSID, OTHER], ['ceph-11111111', 'ceph-22222222']),
    ([None, OTHER], ['ceph-a', 'ceph-22222222']),
    ([None, None], ['ceph-a', 'ceph-b']),
    ([FSID, FSID[:8] + OTHER[8:-1] + 'f'],
     ['ceph-11111111', 'ceph-11111111-2']),
])
def test_names_are_unique(conf, fsids, names):
    found = learn(cinder=cinder(*(
        backend(tag, conf(f'{tag}.conf', fsid))
        for tag, fsid in zip('ab', fsids))), offline=True)
    assert [each.name for each in found] == names


def test_names_of_clusters_named_apart_stay(conf):
    found = learn(nova(conf('slow.conf')), cinder(backend(
        'a', conf('x.conf'), cluster_name='fast')), offline=True)
    assert [each.name for each in found] == ['fast', 'slow']


NOVA = Backend('nova', '', 'vms', 'nova', 'N', 'c1')
FALLBACK = Backend('nova', '', 'volumes', 'nova', 'N', 'c1')


@pytest.mark.parametrize('changes, nova_changes, expected', [
    ({}, None, [OWN]),
    ({}, {}, [OWN, NOVA]),
    ({}, {'images_type': 'qcow2'}, [OWN]),
    # Cinder hands out its fsid, or else Nova uses its own secret.
    ({'secret_uuid': None}, None,
     [Backend('cinder', 'a', 'volumes', 'cinder', FSID)]),
    ({'secret_uuid': None}, {},
     [Backend('cinder', 'a', 'volumes', 'cinder', FSID), FALLBACK, NOVA]),
    ({'secret_uuid': None}, {'images_type': 'qcow2'},
     [Backend('cinder', 'a', 'volumes', 'cinder', FSID), FALLBACK]),
    ({'secret_uuid': None}, {'rbd_secret_uuid': None},
     [Backend('cinder', 'a', 'volumes', 'cinder', FSID),
      Backend('nova', '', 'vms', None, None, 'c1')]),
    # Without cephx.
    ({'user': None}, None, [Backend('cinder', 'a', 'volumes', None, None)]),
    ({'user': None}, {'images_type': 'raw'},
     [Backend('cinder', 'a', 'volumes', None, None), FALLBACK]),
])
def test_who_is_found_in_documents(conf, changes, nova_changes, expected):
    path = conf('ceph.conf', FSID)
    found, = learn(
        None if nova_changes is None else nova(path, **nova_changes),
        cinder(backend('a', path, **changes)), offline=True)
    assert list(found.backends) == expected


def test_a_host_without_openstack(conf, cloud):
    path = conf('fast.conf')
    cloud[path] = FSID, '10.0.0.9'
    found, = learn(plain=ceph_clusters.PlainCeph(path, None, 'libvirt', 'L'))
    assert (found.name, found.backends) == (
        'fast', (Backend('libvirt', '', None, 'libvirt', 'L'),))
    assert cloud.asked == [(path, None, 'libvirt')]


def test_the_usual_place(conf, cloud, monkeypatch, tmp_path):
    conf('ceph.conf')
    conf('fast.conf', mon_host='10.0.0.2')
    monkeypatch.setattr(ceph_conf, 'default_path',
                        lambda name: str(tmp_path / f'{name}.conf'))
    found = learn(nova(), cinder(backend('a', '', cluster_name='fast')))
    assert [(each.name, str(each.monmap.addrs[0])) for each in found] == [
        ('fast', '10.0.0.2:6789'), ('ceph', '10.0.0.1:6789')]
    assert sorted(cloud.asked, key=str) == [
        ('', 'fast', 'cinder'), ('', None, 'nova')]


@pytest.mark.parametrize('nova_conf_', [None, nova(images_type='qcow2')])
def test_a_config_without_ceph(nova_conf_):
    with pytest.raises(exceptions.ConfigError) as caught:
        learn(nova_conf_, cinder())
    assert '--monitors-file' in caught.value.hint


@pytest.fixture
def file(tmp_path):
    def written(*entries):
        path = tmp_path / 'monitors.json'
        path.write_text(json.dumps({'clusters': [
            {'name': name, 'fsid': fsid, 'monitors': ['10.0.0.7:6789']}
            for name, fsid in entries]}))
        return str(path)
    return written


GIVEN = Source.MONITORS_FILE
LOST = Source.NONE


@pytest.mark.parametrize('entries, fsids, expected', [
    # By fsid, whatever the names.
    ([('x', FSID)], [FSID], [('x', FSID, GIVEN, ['a'])]),
    ([('ceph', FSID), ('x', OTHER)], [OTHER, FSID],
     [('ceph', FSID, GIVEN, ['b']), ('x', OTHER, GIVEN, ['a'])]),
    # By name, if one side knows no fsid.
    ([('ceph', None)], [FSID], [('ceph', None, GIVEN, ['a'])]),
    ([('ceph', FSID)], [None], [('ceph', FSID, GIVEN, ['a'])]),
    ([('ceph', None)], [None], [('ceph', None, GIVEN, ['a'])]),
    # Never by name against the fsid.
    ([('ceph', OTHER)], [FSID],
     [('ceph', OTHER, GIVEN, []), ('ceph-11111111', FSID, LOST, ['a'])]),
    # Two candidates: neither is used.
    ([('ceph', None)], [FSID, OTHER],
     [('ceph', None, GIVEN, []), ('ceph-11111111', FSID, LOST, ['a']),
      ('ceph-22222222', OTHER, LOST, ['b'])]),
    ([('ceph', FSID)], [FSID, None],
     [('ceph', FSID, GIVEN, ['a']), ('ceph-b', None, LOST, ['b'])]),
    # The file lacks one cluster.
    ([('x', FSID)], [OTHER],
     [('x', FSID, GIVEN, []), ('ceph', OTHER, LOST, ['a'])]),
    ([('x', None)], [], [('x', None, GIVEN, [])]),
])
def test_monitors_file(conf, cloud, file, caplog, entries, fsids, expected):
    found = learn(cinder=cinder(*(
        backend(tag, conf(f'{tag}.conf', fsid))
        for tag, fsid in zip('ab', fsids))), path=file(*entries))
    assert [(each.name, each.fsid, each.source,
             [own.name for own in each.backends]) for each in found
            ] == expected
    for each in found:
        assert [str(addr) for addr in each.monmap.addrs] == (
            ['10.0.0.7:6789'] if each.source is GIVEN else [])
    assert cloud.asked == []
    assert ('left alone' in caplog.text) == any(
        source is LOST for _name, _fsid, source, _backends in expected)
    assert [each.partition(':')[0] for each in caplog.messages] == [
        f'Cluster {name}' for name, _fsid, source, _backends in expected
        if source is LOST]


def test_monitors_file_and_a_ceph_conf_that_cannot_be_read(file, caplog):
    learn(cinder=cinder(backend('a', '/no/ceph.conf')), path=file(('x', FSID)))
    assert 'left alone: Cannot read /no/ceph.conf: No such' in caplog.text


def test_monitors_file_without_any_config(file):
    assert shown(learn(path=file(('x', FSID)))) == [
        ('x', FSID, GIVEN, ['10.0.0.7:6789'])]


def test_monitors_file_on_a_host_without_its_ceph_conf(file):
    found, = learn(cinder=cinder(backend('a', '/no/ceph.conf')),
                   path=file(('ceph', FSID)))
    assert found.backends == (OWN,)


def test_backends_of_the_file_and_of_the_config_are_joined(
        conf, tmp_path, cloud):
    path = conf('ceph.conf', FSID)
    there, = learn(cinder=cinder(backend('a', path)), offline=True)
    written = tmp_path / 'monitors.json'
    written.write_text(json.dumps(
        {'clusters': [schema.cluster(there, None)]}))
    found, = learn(nova(path), cinder(backend('a', path)),
                   path=str(written))
    assert found.backends == (OWN, NOVA)


@pytest.mark.parametrize('section, asked_twice', [
    ('[client.cinder]', True), ('[client]', True), ('[global]', True),
    ('[client.nova]', False)])
def test_an_override_whose_monitors_are_gone(conf, cloud, section,
                                             asked_twice):
    """The cluster is asked again without it."""
    path = conf('a.conf', FSID)
    with open(path, 'a') as file:
        file.write(f'{section}\nmon_host_override = 10.0.0.8\n')
    cloud['bypass'] = FSID, '10.0.0.9'
    found, = learn(cinder=cinder(backend('a', path)))
    plain = (path, 'ceph', 'cinder')
    assert cloud.asked == [plain, (*plain, 'bypass')][:1 + asked_twice]
    assert found.source is (
        Source.MON_DUMP if asked_twice else Source.CEPH_CONF)
    if asked_twice:
        assert found.way.bypass


@pytest.mark.parametrize('answers', [True, False])
def test_a_shield_whose_monitors_are_gone(conf, cloud, answers):
    """Its block is never the source of the list, only in the way."""
    path = pathlib.Path(conf('a.conf', FSID))
    stated = ceph_conf.load(str(path)).monmap()
    path.write_text(override_block.put(path.read_text(), [Override(
        'cinder', FSID, (MonAddr('10.0.0.8', None),))]))
    if answers:
        cloud['bypass'] = FSID, '10.0.0.9'
    found, = learn(cinder=cinder(backend('a', str(path))))
    assert len(cloud.asked) == 2
    assert found.source is (Source.MON_DUMP if answers else Source.CEPH_CONF)
    if not answers:
        assert found.monmap == stated


def test_an_override_that_works(conf, cloud):
    path = conf('a.conf', FSID)
    with open(path, 'a') as file:
        file.write('[client.cinder]\nmon_host_override = 10.0.0.9\n')
    cloud[path] = FSID, '10.0.0.9'
    found, = learn(cinder=cinder(backend('a', path)))
    assert len(cloud.asked) == 1 and not found.way.bypass
