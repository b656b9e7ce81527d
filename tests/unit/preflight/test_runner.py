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

"""All checks of a deployment; a failed check does not stop the others."""

from __future__ import annotations

import errno
import os

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.ceph import monitors_file
from rbd_mon_fix.conf import files
from rbd_mon_fix.conf import nova
from rbd_mon_fix.engine import context as contexts
from rbd_mon_fix.engine import selection
from rbd_mon_fix.preflight import ceph
from rbd_mon_fix.preflight import machine
from rbd_mon_fix.preflight import runner
from rbd_mon_fix.preflight import services
from rbd_mon_fix.preflight.check import Works
from rbd_mon_fix.state import journal
from rbd_mon_fix.state import known_clusters
from rbd_mon_fix.state import private_folder
from tests.unit import worlds


def kinds(world, *hosts):
    return {each.check for each in runner.run(world.context(), hosts)}


def test_each_kind_is_checked(world):
    world.add(1)
    before = world.everything()
    found = kinds(world, 'cmp1')
    assert {'config', 'database', 'libvirt'} < found
    assert world.everything() == before
    assert not world.journal.exists()


def test_trouble_of_a_kind_is_its_line(world, monkeypatch):
    """The checks of the other kinds still run."""
    def trouble(*args):
        raise exceptions.Unreachable('It is down.', 'Start it.')
        yield

    world.add(1)
    others = kinds(world, 'cmp1')
    for module in (services, ceph):
        monkeypatch.setattr(module, 'checks', trouble)
    found = list(runner.run(world.context(), ['cmp1']))
    assert [(each.check, each.subject, each.works, each.finding, each.advice)
            for each in found if each.subject == 'the rest'] == [
        (kind, 'the rest', Works.NO, 'It is down.', 'Start it.')
        for kind in ('services', 'ceph')]
    assert 'config' in others & {each.check for each in found}
    assert found[-1].subject != 'the rest'


def test_a_host_has_to_be_given_where_there_is_a_nova(world, tmp_path):
    with pytest.raises(exceptions.ConfigError, match='--host'):
        runner.run(world.context(), [])
    plain = worlds.World(tmp_path)
    plain.domains('')
    assert list(runner.run(plain.context(), []))


def test_a_host_is_looked_at_once(world, monkeypatch):
    asked = []
    monkeypatch.setattr(machine, 'checks', lambda context, hosts: (
        asked.append(hosts) or iter(())))
    world.add(1)
    list(runner.run(world.context(), ['cmp1', 'cmp1']))
    assert asked == [('cmp1',)]


def test_a_config_that_cannot_be_used_is_a_line(world):
    """The line says more than that no host was given."""
    (world.folder / 'nova.conf').write_text('[DEFAULT]\nnonsense\n')
    found = list(runner.run(world.context(), []))
    assert any(each.check == 'config' and each.works is Works.NO
               for each in found)


@pytest.mark.parametrize('part', ['', 'runs', 'locks', 'histories'])
def test_a_journal_that_others_could_alter(world, part):
    """The rule is that of all commands that open the folder."""
    world.add(1)
    folder = world.journal / part
    folder.mkdir(parents=True)
    folder.chmod(0o770)
    found = {each.check: each for each in runner.run(
        world.context(), ['cmp1'])}
    assert found['journal'].works is Works.NO
    assert 'mode 0770' in found['journal'].finding
    assert f"'chmod go-w {folder}'" in found['journal'].advice


def refuse(*args, **options):
    raise OSError(errno.EIO, 'sesame', '/srv')


# What the operating system refuses, and the check that it concerns.
REFUSED = {
    'a service': (nova, 'load', 'config', 'nova.conf'),
    'its files': (files, 'in_order', 'config', 'cinder.conf'),
    'more files': (files, 'left_out', 'config', 'more files of nova'),
    'the monitors file': (monitors_file.MonitorsFile, 'clusters', 'config',
                          'given.json'),
    'a journal': (journal.Journal, 'latest', 'clock', 'this machine'),
    'its folder': (private_folder, 'check', 'journal', 'journal'),
    'a fingerprint': (known_clusters, 'load', 'ceph', 'fingerprint'),
    'monitors': (contexts.Context, 'answering', 'ceph', 'monitors of'),
}


@pytest.mark.parametrize('part, name, kind, subject', REFUSED.values(),
                         ids=REFUSED)
def test_the_system_refuses_one_thing(world, monkeypatch, part, name, kind,
                                      subject):
    """One check fails, in a sentence, and all others run."""
    world.add(1)
    if part is monitors_file.MonitorsFile:
        world.options['monitors_file'] = '/given.json'
    before = kinds(world, 'cmp1')
    monkeypatch.setattr(part, name, property(refuse) if part
                        is contexts.Context else refuse)
    found = {(each.check, each.subject): each for each in runner.run(
        world.context(), ['cmp1'])}
    told = {key for key, each in found.items()
            if os.strerror(errno.EIO) in each.finding}
    assert [key for key in told if key[0] == kind and subject in key[1]]
    assert all(found[key].works is Works.NO for key in told)
    assert {key for key in found if key[1] == 'the rest'} == set()
    assert 'OSError' not in str(found)
    assert {kind for kind, _ in found} == before


def test_the_system_refuses_to_name_this_host(world, monkeypatch):
    world.add(1)
    monkeypatch.setattr(selection, 'this_host', refuse)
    assert kinds(world) == kinds(world, 'cmp1')


def test_an_address_of_libvirt_that_cannot_be_split(world):
    world.add(1)
    world.options['libvirt_uri'] = 'qemu+tls://[fe80::1/system'
    found = {each.check: each for each in runner.run(
        world.context(), ['cmp1'])}
    assert found['qemu'].works is Works.NO
