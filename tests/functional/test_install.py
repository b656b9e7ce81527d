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

"""rbd-mon-fix installed as operators install it, in venvs of its own."""

from __future__ import annotations

import functools
import os
import pathlib

import pytest

from tests.functional import operator
from tests.functional import packages

STORES = ('--store', 'nova-bdm', '--store', 'cinder-attachment')
HOST = ('--host', 'cmp1')
FILES = [
    'etc/rbd-mon-fix/rbd-mon-fix.conf.sample',
    'share/bash-completion/completions/rbd-mon-fix',
    'share/zsh/site-functions/_rbd-mon-fix',
    'share/fish/vendor_completions.d/rbd-mon-fix.fish',
    'share/man/man1/rbd-mon-fix.1',
    'lib/systemd/system/rbd-mon-fix-check.service',
    'lib/systemd/system/rbd-mon-fix-check.timer',
    'lib/systemd/system/rbd-mon-fix-shield.service',
    'lib/systemd/system/rbd-mon-fix-shield.timer']
INSTALL_LIBVIRT = ('Install the package python3-libvirt, or run "pip install '
                   'libvirt-python".')


@pytest.fixture(scope='module')
def source(tmp_path_factory):
    """Return the folder of a source tarball, far from any git."""
    if not (packages.ROOT / '.git').exists():
        pytest.skip('a source tarball is made of a git repository')
    folder = tmp_path_factory.mktemp('source')
    for name in ('copy', 'unpacked'):
        (folder / name).mkdir()
    packages.copy(folder / 'copy')
    tarball = packages.sdist(folder / 'copy', folder)
    return packages.unpack(tarball, folder / 'unpacked')


@pytest.fixture(scope='module')
def wheel(source, tmp_path_factory):
    return str(packages.wheel(source, tmp_path_factory.mktemp('wheel')))


@pytest.fixture(scope='module')
def controller(wheel, tmp_path_factory):
    """Return a function that makes a venv without libvirt-python and pbr.

    Its arguments are a version of SQLAlchemy, and a driver.
    """
    @functools.lru_cache(maxsize=None)
    def make(*chosen):
        programs = packages.venv(tmp_path_factory.mktemp('venv') / 'venv')
        packages.install(
            programs, *chosen,
            *packages.requirements('libvirt-python', 'SQLAlchemy'))
        # Its own requirements would bring libvirt-python.
        packages.install(programs, '--no-deps', wheel)
        packages.run(packages.uv(), 'pip', 'uninstall', '-q', '-p',
                     str(programs / 'python'), 'pbr')
        return programs
    return make


def run(cloud, programs, *words):
    return operator.Operator(cloud).run(
        *words, program=[str(programs / 'rbd-mon-fix')], PYTHONPATH='')


def test_a_source_tarball_needs_no_git(source, wheel, tmp_path):
    """Neither does what is installed from it."""
    programs = packages.venv(tmp_path / 'venv')
    packages.install(programs, '--no-deps', str(source), CC='/bin/false',
                     PATH=str(packages.bare(tmp_path)))
    version = packages.run(
        str(programs / 'python'), '-c', 'from importlib import metadata; '
        'print(metadata.version("rbd-mon-fix"))')
    assert version == f'{packages.VERSION}\n'
    for name in FILES:
        assert (tmp_path / 'venv' / name).read_text() == (
            packages.ROOT / kept(name)).read_text()


def kept(installed: str) -> pathlib.Path:
    """Return the file in this tree that was installed."""
    folder, name = os.path.split(installed)
    found = {'etc/rbd-mon-fix': 'etc/rbd-mon-fix', 'share/man/man1': 'man',
             'lib/systemd/system': 'systemd'}.get(folder, 'completion')
    return pathlib.Path(found, name)


DEBIAN = pathlib.Path('/usr/bin/python3')


@pytest.mark.skipif(not pathlib.Path('/etc/debian_version').exists(),
                    reason='the packages are those of Debian')
def test_everything_from_debian(cloud, wheel, tmp_path):
    """There is no compiler, and not even an index of packages."""
    venv = tmp_path / 'venv'
    packages.run(str(DEBIAN), '-m', 'venv', '--system-site-packages',
                 str(venv), PATH='/usr/bin')
    packages.run(str(venv / 'bin/pip'), 'install', '-q', '--no-index', wheel,
                 PATH=str(packages.bare(tmp_path)), CC='/bin/false')
    own = packages.run(str(venv / 'bin/pip'), 'list', '--local', '--format',
                       'freeze').split()
    assert {line.partition('==')[0] for line in own} <= {
        'rbd-mon-fix', 'pip', 'setuptools', 'wheel'}
    go = functools.partial(run, cloud, venv / 'bin')
    version = go('--version')
    assert (version.code, version.out) == (0, f'{packages.VERSION}\n')
    assert go('--help').out.startswith('usage: rbd-mon-fix')
    done = go('refresh', *HOST, '-f', 'json')
    assert done.code == 4, done.err  # some servers are busy
    stores = {row['store'] for row in done.json['records']
              if row['outcome'] == 'fixed'}
    assert {'nova-bdm', 'cinder-attachment', 'domain'} <= stores


VERSIONS = [
    pytest.param(version, driver, id=f'{driver}-{version.strip("=.*")}')
    for version in ('==1.4.*', '==2.0.*', '>=2.0')
    for driver in ('psycopg2-binary', 'psycopg[binary]')]


@pytest.mark.parametrize('version, driver', VERSIONS)
def test_postgresql(build_cloud, controller, version, driver):
    """postgresql:// means the driver that is installed."""
    programs = controller(f'SQLAlchemy{version}', driver)
    cloud = build_cloud(on='postgresql')
    operator.use_driver(cloud, 'postgresql')
    done = run(cloud, programs, 'refresh', *HOST, *STORES, '-f', 'json')
    if '1.4' in version and 'psycopg2' not in driver:
        assert done.code == 2
        assert ('the Python module psycopg2 is not installed. Install the '
                'package python3-psycopg2, or run ') in done.err
        assert 'does not know psycopg 3.' in done.err
        return
    assert done.code == 4, done.err  # some servers are busy
    assert {row['store'] for row in done.json['records']
            if row['outcome'] == 'fixed'} == set(STORES[1::2])


WITHOUT_LIBVIRT = [
    (('monitors',), 1), (('status', *HOST, *STORES), 1),
    (('refresh', '--dry-run', *HOST, *STORES), 1),
    (('refresh', *HOST, *STORES), 4), (('journal', 'list'), 0),
    (('journal', 'show', 'RUN'), 0), (('rollback', '--dry-run', 'RUN'), 0),
    (('rollback', 'RUN'), 0), (('journal', 'prune', '--keep', '1'), 0),
    (('--help',), 0), (('--version',), 0)]
WITH_LIBVIRT = [('status', *HOST), ('refresh', *HOST), ('verify', *HOST),
                ('guests', *HOST)]


def test_without_libvirt(cloud, controller):
    """Every command works that does not need it; pbr is not needed at all."""
    programs = controller('SQLAlchemy>=2.0', 'psycopg2-binary')
    missing = packages.run(str(programs / 'python'), '-c', """
from importlib import util
print([name for name in ('libvirt', 'pbr') if util.find_spec(name)])""")
    assert missing == '[]\n'
    go = functools.partial(run, cloud, programs)
    runs = ''
    for words, code in WITHOUT_LIBVIRT:
        if 'RUN' in words:
            runs = runs or go('journal', 'list', '-f', 'value', '-c',
                              'run').out.split()[0]
            words = [runs if word == 'RUN' else word for word in words]
        done = go(*words)
        assert (words, done.code) == (words, code), done.err
        assert 'libvirt' not in done.err
    for words in WITH_LIBVIRT:
        done = go(*words)
        assert (words, done.code, done.out) == (words, 2, '')
        assert INSTALL_LIBVIRT in done.err
    preflight = go('preflight', *HOST, '-f', 'json').json
    wrong = [row for row in preflight['checks'] if row['works'] == 'no']
    assert ['libvirt'] == [row['check'] for row in wrong]
    assert INSTALL_LIBVIRT in str(wrong)
