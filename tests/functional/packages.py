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

"""The packages of rbd-mon-fix, and venvs that they are installed into."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys
import tarfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
# A build downloads setuptools and pbr.
BOUND = 300
# In the tarball; pbr takes it from there.
VERSION = '7.8.9'


def requirements(*without: str) -> list[str]:
    """Return the requirements of rbd-mon-fix, all but some."""
    lines = (ROOT / 'requirements.txt').read_text().split()
    left = [line for line in lines if not line.startswith(without or ('#',))]
    assert len(left) == len(lines) - len(without)
    return left


def copy(folder: pathlib.Path) -> None:
    """Make a git repository of this tree as it is, uncommitted files too."""
    names = run('git', '-C', str(ROOT), 'ls-files', '-co',
                '--exclude-standard').splitlines()
    for name in filter(lambda name: (ROOT / name).is_file(), names):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, target)
    git = ('git', '-C', str(folder), '-c', 'user.name=x', '-c', 'user.email=x')
    run(*git, 'init', '-q')
    run(*git, 'add', '-A')
    run(*git, 'commit', '-q', '-m', 'all')


def sdist(source: pathlib.Path, folder: pathlib.Path) -> pathlib.Path:
    """Build a source tarball."""
    run(uv(), 'build', '-q', '--sdist', '-p', sys.executable, '-o',
        str(folder), str(source), PBR_VERSION=VERSION)
    return next(folder.glob('*.tar.gz'))


def unpack(tarball: pathlib.Path, folder: pathlib.Path) -> pathlib.Path:
    """Unpack a source tarball, and return its only folder."""
    with tarfile.open(tarball) as archive:
        archive.extractall(folder)
    found, = folder.iterdir()
    return found


def wheel(source: pathlib.Path, folder: pathlib.Path) -> pathlib.Path:
    """Build a wheel where there is neither git nor a compiler."""
    run(uv(), 'build', '-q', '--wheel', '-p', sys.executable, '-o',
        str(folder), str(source), PATH=str(bare(folder)), CC='/bin/false')
    return next(folder.glob('*.whl'))


def bare(folder: pathlib.Path) -> pathlib.Path:
    """Return a PATH without any program."""
    found = folder / 'nothing'
    found.mkdir(exist_ok=True)
    return found


def venv(folder: pathlib.Path) -> pathlib.Path:
    """Make an empty venv, and return its folder of programs."""
    run(uv(), 'venv', '-q', '-p', sys.executable, str(folder))
    return folder / 'bin'


def install(programs: pathlib.Path, *words: str, **environ: str) -> None:
    """Install packages into a venv; options may precede them."""
    run(uv(), 'pip', 'install', '-q', '-p', str(programs / 'python'), *words,
        **environ)


def uv() -> str:
    found = shutil.which('uv')
    assert found, 'install uv'
    return found


def run(*words: str, **environ: str) -> str:
    """Return the output of a program that must succeed.

    :param environ: added to an environment without the tests' own settings
    """
    clean = {name: value for name, value in os.environ.items() if name not in
             ('PBR_VERSION', 'PYTHONPATH', 'VIRTUAL_ENV')}
    done = subprocess.run(
        words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, timeout=BOUND,
        env={**clean, **environ})
    assert done.returncode == 0, (words, done.stdout, done.stderr)
    return done.stdout
