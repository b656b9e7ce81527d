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

"""The config files that are read, compared with oslo.config itself."""

from __future__ import annotations

import os

from oslo_config import cfg
import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.conf import files
from rbd_mon_fix.conf.files import NOVA

EVERY = ('nova.conf', 'nova-compute.conf', 'nova.conf.d/10.conf',
         'nova.conf.d/9.conf', 'nova-compute.conf.d/1.conf')
NEITHER = ('nova-api.conf', 'nova.conf.d/a.ini', 'nova.conf.d/.hidden.conf')


@pytest.fixture
def etc(tmp_path, monkeypatch):
    """Return a function that writes files below /etc/nova."""
    monkeypatch.setattr(files, 'ETC', str(tmp_path))
    monkeypatch.chdir(tmp_path)

    def written(*names):
        for name in names:
            path = tmp_path / 'nova' / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text('')
        return tmp_path / 'nova'
    return written


def in_order(named_files=None, named_folders=None):
    """Return the files read, in order, relative to Nova's config folder."""
    found = files.in_order(
        NOVA, NOVA.files if named_files is None else named_files,
        NOVA.folders if named_folders is None else named_folders)
    return [os.path.relpath(path, f'{files.ETC}/nova') for path in found]


@pytest.mark.parametrize('program, expected', [
    (files.NOVA, ['/etc/nova/nova.conf', '/etc/nova/nova-compute.conf']),
    (files.CINDER, ['/etc/cinder/cinder.conf',
                    '/etc/cinder/cinder-volume.conf'])])
def test_defaults(program, expected):
    assert program.files == expected
    assert program.folders == [f'{path}.d' for path in expected]


@pytest.mark.parametrize('names, expected', [
    ((), ()),
    (NEITHER, ()),
    *(((name,), (name,)) for name in EVERY),
    ((*reversed(EVERY), *NEITHER), EVERY)])
def test_what_there_is_is_read(etc, names, expected):
    etc(*names)
    assert in_order() == list(expected)


def test_the_order_is_that_of_oslo_config(etc, monkeypatch):
    folder = etc(*EVERY, *NEITHER)
    monkeypatch.setattr(cfg, '_get_config_dirs', lambda project: [str(folder)])
    read = []
    monkeypatch.setattr(
        cfg.ConfigParser, '_parse_file', classmethod(
            lambda cls, path, namespace: read.append(path)))
    cfg.ConfigOpts()([], project='nova', prog='nova-compute')
    assert read == list(files.in_order(NOVA, NOVA.files, NOVA.folders))


@pytest.mark.parametrize('named_files, named_folders, expected', [
    # Named files replace the defaults; missing files fail when read.
    (['nova/own.conf'], None, ['own.conf']),
    (['nova/own.conf', '/none'], None, ['own.conf', '/none']),
    (['nova/own.conf'], ['nova/own.d'], ['own.conf', 'own.d/1.conf']),
    (None, ['nova/own.d'], [*EVERY[:2], 'own.d/1.conf']),
    (None, ['nova/own.d', 'nova/nova.conf.d'],
     [*EVERY[:2], 'own.d/1.conf', *EVERY[2:4]]),
    # An empty name is ignored.
    ([''], None, []), (None, [''], list(EVERY[:2])),
    ([''], ['nova/own.d'], ['own.d/1.conf']), ([''], [''], [])])
def test_what_is_named(etc, named_files, named_folders, expected):
    folder = etc(*EVERY, 'own.conf', 'own.d/1.conf')
    assert in_order(named_files, named_folders) == [
        os.path.relpath(path, folder) if path.startswith('/') else path
        for path in expected]


def test_a_tilde_is_home(etc, monkeypatch):
    monkeypatch.setenv('HOME', str(etc('own.conf', 'own.d/1.conf')))
    assert in_order(['~/own.conf'], ['~/own.d']) == ['own.conf',
                                                     'own.d/1.conf']


def test_a_named_folder_that_is_missing(etc):
    with pytest.raises(exceptions.ConfigError, match='/none') as caught:
        in_order(None, ['/none'])
    assert '--nova-config-dir' in caught.value.hint


@pytest.mark.parametrize('named', [True, False])
def test_a_folder_that_is_a_file(etc, named):
    """Even a default folder: the service would not start."""
    folder = etc('nova.conf.d')
    with pytest.raises(exceptions.ConfigError, match='Not a directory'):
        in_order(None, [str(folder / 'nova.conf.d')] if named else None)


@pytest.mark.parametrize('error, is_read', [
    (FileNotFoundError, False), (NotADirectoryError, False),
    (PermissionError, True)])
def test_a_default_file_out_of_reach_is_not_missing(etc, monkeypatch, error,
                                                    is_read):
    def stat(path):
        raise error
    monkeypatch.setattr(files.os, 'stat', stat)
    assert bool(files.in_order(NOVA, NOVA.files, [''])) is is_read


@pytest.mark.parametrize('read, expected', [
    (EVERY, ()),
    (EVERY[:1], EVERY[1:]),
    (('nova.conf', 'nova.conf.d/9.conf'),
     ('nova-compute.conf', 'nova.conf.d/10.conf',
      'nova-compute.conf.d/1.conf')),
    (('own.conf',), EVERY),
    ((), ())])
def test_left_out(etc, read, expected):
    folder = etc(*EVERY, *NEITHER, 'own.conf')
    found = files.left_out(NOVA, [str(folder / name) for name in read])
    assert sorted(found) == sorted(str(folder / name) for name in expected)
