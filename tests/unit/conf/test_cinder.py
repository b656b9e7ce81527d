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

"""Reading cinder.conf."""

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.conf import cinder

RBD = 'volume_driver = cinder.volume.drivers.rbd.RBDDriver\n'
LVM = 'volume_driver = cinder.volume.drivers.lvm.LVMVolumeDriver\n'


def backend(name, **changes):
    return cinder.CinderBackend(**{
        'name': name, 'ceph_conf': '', 'cluster_name': 'ceph', 'user': None,
        'secret_uuid': None, 'pool': 'rbd', **changes})


@pytest.mark.parametrize('text, backends', [
    ('[DEFAULT]\n', []),
    (f'[DEFAULT]\nenabled_backends = lvm\n[lvm]\n{LVM}', []),
    # A driver that is not named is Cinder's default, LVM.
    ('[DEFAULT]\nenabled_backends = a\n[a]\nrbd_pool = x\n', []),
    ('[DEFAULT]\nenabled_backends = a\n', []),
    (f'[DEFAULT]\nenabled_backends = a\n[a]\n{RBD}', [backend('a')]),
    # Sections that are not enabled are none.
    (f'[DEFAULT]\nenabled_backends = a\n[a]\n{RBD}[b]\n{RBD}',
     [backend('a')]),
    (f'[DEFAULT]\nenabled_backends = ceph-ssd, lvm ,b,\n'
     f'[ceph-ssd]\n{RBD}rbd_pool = ssd\nrbd_user = u\nrbd_secret_uuid = S\n'
     f'rbd_ceph_conf = /etc/ceph/ssd.conf\nrbd_cluster_name = fast\n'
     f'[lvm]\n{LVM}[b]\n{RBD}',
     [backend('ceph-ssd', pool='ssd', user='u', secret_uuid='S',
              ceph_conf='/etc/ceph/ssd.conf', cluster_name='fast'),
      backend('b')]),
    # What a section lacks comes from backend_defaults, never from DEFAULT.
    (f'[DEFAULT]\nenabled_backends = a,b\nrbd_pool = no\n'
     f'[backend_defaults]\n{RBD}rbd_pool = shared\nrbd_user = cinder\n'
     f'[a]\nrbd_pool = own\n[b]\nrbd_user = other\n',
     [backend('a', pool='own', user='cinder'),
      backend('b', pool='shared', user='other')]),
    (f'[DEFAULT]\nenabled_backends = a\n'
     f'[backend_defaults]\n{RBD}[a]\n{LVM}', []),
    # Without enabled_backends all is in DEFAULT.
    (f'[DEFAULT]\n{RBD}rbd_pool = volumes\nrbd_user = cinder\n',
     [backend('', pool='volumes', user='cinder')]),
    ('[DEFAULT]\nvolume_driver = cinder.volume.driver.RBDDriver\n',
     [backend('')]),
    # Set to nothing is as good as not set.
    (f'[DEFAULT]\nenabled_backends = a\n[a]\n{RBD}rbd_user =\n'
     f'rbd_secret_uuid =\n', [backend('a')]),
])
def test_backends(tmp_path, text, backends):
    path = tmp_path / 'cinder.conf'
    path.write_text(text)
    assert list(cinder.load([str(path)]).backends) == backends


@pytest.mark.parametrize('text', [
    'BD341DC4-82CE-4FA7-A378-7A6E331821FB', 'bd341dc482ce4fa7a3787a6e331821fb'
])
def test_a_secret_in_another_spelling(tmp_path, text):
    path = tmp_path / 'cinder.conf'
    path.write_text(f'[DEFAULT]\n{RBD}rbd_secret_uuid = {text}\n')
    [found] = cinder.load([str(path)]).backends
    assert found.secret_uuid == 'bd341dc4-82ce-4fa7-a378-7a6e331821fb'


def test_the_database_is_read_and_not_shown(tmp_path):
    path = tmp_path / 'cinder.conf'
    path.write_text('[database]\nconnection = mysql://c:pw@db/cinder\n')
    conf = cinder.load([str(path)])
    assert conf.database_connection == 'mysql://c:pw@db/cinder'
    assert 'pw' not in repr(conf)


def test_a_missing_file(tmp_path):
    with pytest.raises(exceptions.ConfigError) as caught:
        cinder.load([str(tmp_path / 'none.conf')])
    assert '--cinder-config-file' in caught.value.hint
