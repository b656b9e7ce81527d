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

"""The checks of config files in ``preflight``."""

from __future__ import annotations

import pytest

from rbd_mon_fix.preflight import config
from rbd_mon_fix.preflight.check import Works

RBD = ('[libvirt]\nimages_type = rbd\nimages_rbd_pool = vms\n'
       'images_rbd_ceph_conf = {folder}/ceph.conf\n')


def found(world):
    """Return each line, keyed by its subject without the folder."""
    return {each.subject: each.finding.replace(f'{world.folder}/', '')
            for each in config.checks(world.context())}


def write(world, name, text=''):
    path = world.folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text.format(folder=world.folder))
    return str(path)


def test_the_files_are_listed_in_order(world):
    world.options['nova_config_file'] = [
        str(world.folder / 'nova.conf'), write(world, 'more.conf')]
    world.options['nova_config_dir'] = [str(world.folder / 'nova.conf.d')]
    for name in ('b', 'a'):
        write(world, f'nova.conf.d/{name}.conf', RBD)
    lines = found(world)
    assert lines['nova.conf'] == (
        'Readable: nova.conf, more.conf, nova.conf.d/a.conf, '
        "nova.conf.d/b.conf; Nova's own disks are in RBD.")
    assert lines['cinder.conf'] == (
        'Readable: cinder.conf; backends with RBD: rbd.')
    assert 'more files of nova' not in lines


@pytest.mark.parametrize('names, expected', [
    (['nova.conf.d/1.conf', 'nova-compute.conf'],
     {'nova': 'nova-compute.conf, nova.conf.d/1.conf'}),
    (['cinder-volume.conf.d/1.conf'],
     {'cinder': 'cinder-volume.conf.d/1.conf'}),
    (['nova-api.conf', 'cinder.conf.d/1.ini'], {})])
def test_files_that_were_not_read(world, names, expected):
    for name in names:
        write(world, name)
    lines = {subject.rpartition(' ')[2]: line
             for subject, line in found(world).items()
             if subject.startswith('more files')}
    assert lines.keys() == expected.keys()
    for service, listed in expected.items():
        assert lines[service].startswith(f'Not read: {listed}. ')
        assert f'--{service}-config-dir' in lines[service]


def test_files_that_were_not_read_are_no_failure(world):
    write(world, 'nova-compute.conf')
    assert {each.works for each in config.checks(world.context())
            if each.subject == 'more files of nova'} == {Works.NOT_ASKED}


def test_a_folder_that_is_missing(world):
    world.options['nova_config_dir'] = ['/none']
    checks = {each.subject: each for each in config.checks(world.context())}
    assert checks['nova.conf'].works is Works.NO
    assert '/none' in checks['nova.conf'].finding
    assert '--nova-config-dir' in checks['nova.conf'].advice
    assert checks['cinder.conf'].works is Works.YES
