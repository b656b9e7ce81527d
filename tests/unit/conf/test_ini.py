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

"""Config files of other services."""

from __future__ import annotations

import errno

from oslo_config import cfg
import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.conf import ini

OPTS = ((None, cfg.StrOpt('host')), (None, cfg.ListOpt('names')),
        ('database', cfg.StrOpt('connection')))


@pytest.fixture
def path(tmp_path):
    return tmp_path / 'nova.conf'


def read(path, text):
    path.write_text(text)
    return ini.read([str(path)], 'nova', OPTS)


def test_values(path):
    conf = read(path, '[DEFAULT]\nhost = h\nnames = a,b\n'
                      '[database]\nconnection = c\n')
    assert ini.value(conf, 'host') == 'h'
    assert ini.values(conf, 'names') == ['a', 'b']
    assert ini.value(conf, 'connection', 'database') == 'c'


def test_options_that_are_not_set(path):
    conf = read(path, '')
    assert ini.value(conf, 'host') is None
    assert list(ini.values(conf, 'names')) == []
    assert ini.value(conf, 'connection', 'database') is None


def test_a_reference_that_does_not_resolve(path):
    conf = read(path, '[DEFAULT]\nhost = TOPSECRET$x\n')
    with pytest.raises(exceptions.ConfigError) as caught:
        ini.value(conf, 'host')
    assert caught.value.message == (
        f'Invalid value of option host in [DEFAULT] of {path}.')
    assert '$' in caught.value.hint


def test_a_file_that_may_not_be_read(path, monkeypatch):
    def denied(*arguments, **options):
        raise cfg.ConfigFilesPermissionDeniedError((str(path),))
    monkeypatch.setattr(cfg.ConfigOpts, '__call__', denied)
    with pytest.raises(exceptions.ConfigError, match='cannot be read') as e:
        read(path, '')
    assert str(path) in e.value.message
    assert e.value.hint.startswith('Run as root')
    assert '--nova-config-file' in e.value.hint


@pytest.mark.parametrize('filename, named', [
    ('/etc/nova/nova.conf', '/etc/nova/nova.conf'), (None, 'of nova')])
def test_a_file_that_the_system_cannot_read(path, monkeypatch, filename,
                                            named):
    def refused(*arguments, **options):
        raise OSError(errno.EMFILE, 'Too many open files', filename)
    monkeypatch.setattr(cfg.ConfigOpts, '__call__', refused)
    with pytest.raises(exceptions.ConfigError) as caught:
        read(path, '')
    assert caught.value.message == (
        f'The config file {named} cannot be read: Too many open files.')


def test_an_invalid_value_names_the_file_that_sets_it(tmp_path):
    paths = []
    for number, text in enumerate(['[Ceph]\nuser = 1\n', '[ceph]\nuser = 2\n',
                                   '[ceph]\nother = 3\n']):
        paths.append(str(tmp_path / f'{number}.conf'))
        (tmp_path / f'{number}.conf').write_text(text)
    conf = ini.read(paths, 'nova', [('ceph', cfg.StrOpt('user'))])
    error = ini.invalid(conf, 'user', 'ceph', '')
    assert error.message == (
        f'Invalid value of option user in [ceph] of {paths[1]}.')
    assert ', '.join(paths) in ini.invalid(conf, 'none', 'ceph', '').message
