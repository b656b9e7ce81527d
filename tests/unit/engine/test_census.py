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

"""The census of a cloud, with the programs of one Ceph cluster."""

from __future__ import annotations

import pytest

from rbd_mon_fix import engine
from rbd_mon_fix import exceptions
from rbd_mon_fix.engine import census
from tests.unit import ceph_answers

FSID = ceph_answers.FSID
NONE = ceph_answers.watched_by()
TOLD = ceph_answers.sample('ceph-mon-sessions.json')
SILENT = 'Error ENXIO: problem getting command descriptions from mon.m21'


@pytest.fixture
def ceph(world, tmp_path, monkeypatch):
    """Return a cluster that the world's cinder.conf leads to."""
    world.options.update(offline=False, former_monitors=[])
    (world.folder / 'ceph.conf').write_text('[global]\nmon_host = 192.0.2.1\n')
    monkeypatch.setattr(census, 'APART', 0.0)
    return ceph_answers.CephAnswers(tmp_path / 'bin', monkeypatch, 'volumes')


@pytest.fixture
def ask(world, ceph):
    """Return a function that takes the census of the only cluster."""
    def ask(*leaving, fsid=None, **options):
        with world.context(**options) as context:
            found, = engine.take_census(
                context, engine.CensusRequest(fsid, leaving))
        return found
    return ask


def told(found):
    return [(each.watcher.client, each.state.value, each.monitors, each.ready)
            for each in found.watchers]


FOLLOWING = (ceph_answers.GUEST, 'following', ('m22',), True)
STRANDED = (ceph_answers.GUEST, 'stranded', (), False)


def test_a_guest_that_follows(ask, ceph):
    found = ask()
    assert told(found) == [FOLLOWING]
    assert found.monitors == ceph_answers.MONITORS
    assert (found.cluster.fsid, found.silent, found.unread) == (FSID, {}, {})
    asked = [line for line in ceph.calls if 'status' in line]
    assert len(asked) == 1, 'the second reading is for suspects only'
    assert all('--id cinder' in line or '--id admin' in line
               for line in ceph.calls)
    assert '--id admin' in asked[0]


def test_a_guest_that_is_stranded(ask, ceph):
    ceph.images('web', 'db')
    ceph.watch('web', 7)
    found = ask()
    assert told(found) == [FOLLOWING, (7, 'stranded', (), False)]
    asked = [line for line in ceph.calls if 'status' in line]
    assert len(asked) == 3


@pytest.mark.parametrize('change', [
    lambda ceph: ceph.watch('web', 7, later=NONE),
    lambda ceph: ceph.answer('ceph tell mon.m22 sessions', '[]', later=TOLD)])
def test_one_reading_is_not_enough(ask, ceph, change):
    """The image is closed meanwhile, or the client finds a monitor."""
    change(ceph)
    assert told(ask()) in ([], [FOLLOWING])


def test_a_monitor_that_leaves(ask, ceph):
    assert told(ask('m21')) == [FOLLOWING]
    assert told(ask('m22')) == [(*FOLLOWING[:3], False)]


def test_a_monitor_that_has_stopped_before_it_leaves(ask, ceph):
    ceph.refuse('m21', 6, SILENT)
    found = ask('m21')
    assert (told(found), found.silent) == ([FOLLOWING], {})
    ceph.sessions(m22='[]')
    found = ask('m21')
    assert (told(found), found.silent) == ([STRANDED], {})
    asked = [line for line in ceph.calls if 'mon.m21' in line]
    assert len(asked) == 2, 'a stopped monitor is asked once'


def test_a_monitor_that_stays_is_silent(ask, ceph):
    ceph.refuse('m21', 6, SILENT)
    found = ask('m23')
    assert (told(found), found.silent) == ([FOLLOWING], {'m21': SILENT})
    ceph.sessions(m22='[]')
    found = ask('m23')
    assert told(found) == [(ceph_answers.GUEST, 'unknown', (), False)]


def test_an_image_that_cannot_be_read(ask, ceph):
    ceph.answer('rbd status --pool=volumes --image=web', '', 22, 'no')
    found = ask()
    assert told(found) == []
    assert {str(image): why for image, why in found.unread.items()} == {
        'volumes/web': 'no'}


def test_any_pool(world, ask, ceph):
    world.ceph['pools'] = []
    world.ceph['user'] = 'cinder'
    ceph.answer('rbd namespace ls --pool=vms', '[]')
    ceph.answer('rbd ls --pool=vms', '[]')
    assert told(ask()) == []
    assert any('rbd ls --pool=vms' in line for line in ceph.calls)


@pytest.mark.parametrize('leaving, words', [
    (['m2'], 'There is no monitor m2. The monitors are m21, m22, m23.'),
    (['m21', 'm22', 'm23'], 'No monitor of cluster ceph would stay.')])
def test_names_that_cannot_leave(ask, leaving, words):
    with pytest.raises(exceptions.ConfigError) as caught:
        ask(*leaving)
    assert caught.value.message == words


def test_one_cluster_only(ask):
    assert told(ask(fsid=FSID)) == [FOLLOWING]
    with pytest.raises(exceptions.ConfigError, match='no cluster with the f'):
        ask(fsid='2ec115d7-3a88-3ceb-bc12-0ac909a6fd87')


@pytest.mark.parametrize('option', [
    {'offline': True}, {'monitors_file': '/m.json'}])
def test_only_ceph_knows(ask, option):
    with pytest.raises(exceptions.ConfigError, match='Only the clusters'):
        ask(**option)


def test_a_cluster_that_does_not_answer(ask, ceph, caplog):
    ceph.answer('ceph mon dump', '', 1, 'error connecting')
    with pytest.raises(exceptions.Unreachable, match='did not answer'):
        ask()


def test_two_clusters_with_the_same_names(world, ceph, ask):
    """A name of two clusters needs the fsid of one."""
    (world.folder / 'other.conf').write_text(
        '[global]\nmon_host = 192.0.2.2\n')
    (world.folder / 'cinder.conf').write_text(
        (world.folder / 'cinder.conf').read_text().replace(
            'enabled_backends = rbd', 'enabled_backends = rbd,other')
        + '[other]\nvolume_driver = cinder.volume.drivers.rbd.RBDDriver\n'
        f'rbd_ceph_conf = {world.folder}/other.conf\nrbd_pool = volumes\n'
        'rbd_user = cinder\nrbd_cluster_name = far\n')
    other = 'c0ffee00-0f05-4842-a642-2f40a98c65ab'
    dump = ceph_answers.sample('ceph-mon-dump.v1v2.json')
    (ceph.folder / 'ceph mon dump').write_text(
        f"case \"$*\" in *other.conf*) cat <<'END'\n"
        f"{dump.replace(FSID, other)}\nEND\n;; *) cat <<'END'\n{dump}\nEND\n"
        ';; esac\n')
    with world.context() as context:
        with pytest.raises(exceptions.ConfigError) as caught:
            engine.take_census(context, engine.CensusRequest(None, ('m21',)))
        assert caught.value.message == 'Several clusters have a monitor m21.'
        assert FSID in caught.value.hint and other in caught.value.hint
        found = engine.take_census(context, engine.CensusRequest())
        assert [each.cluster.fsid for each in found] == [FSID, other]
    assert ask('m21', fsid=other).cluster.fsid == other
