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

"""What is installed besides the package: man page, units, sample config."""

from __future__ import annotations

import configparser
import pathlib
import re
import shlex
import shutil
import subprocess

import pytest

from rbd_mon_fix.conf import options
from tests.unit import test_completion
from tools import man_page

ROOT = pathlib.Path(__file__).resolve().parents[2]
SERVICE = ROOT / 'systemd/rbd-mon-fix-check.service'
REFERENCE = ROOT / 'docs/reference.rst'
UNITS = sorted((ROOT / 'systemd').iterdir())
CHECK = ('rbd-mon-fix check --textfile '
         '/var/lib/prometheus/node-exporter/rbd-mon-fix.prom')
BOUND = 60


def settings(path):
    found = configparser.ConfigParser(interpolation=None, strict=True)
    found.optionxform = str
    found.read(path)
    return found


@pytest.mark.parametrize('line', [
    'etc/rbd-mon-fix = etc/rbd-mon-fix/*',
    'share/man/man1 = man/rbd-mon-fix.1', 'lib/systemd/system = systemd/*'])
def test_they_are_installed(line):
    files = settings(ROOT / 'setup.cfg')['files']['data_files']
    assert line in files.splitlines()


def test_what_stays_a_requirement():
    """A plain "pip install" is to leave nothing to look for."""
    lines = (ROOT / 'requirements.txt').read_text().splitlines()
    assert {'oslo.config', 'oslo.log', 'python-novaclient', 'keystoneauth1',
            'libvirt-python'} <= {line.partition('>')[0] for line in lines}


def test_pbr_is_needed_to_build_only():
    """Its version at run time is that of the installed package."""
    assert 'pbr' not in (ROOT / 'requirements.txt').read_text()
    assert 'pbr' in (ROOT / 'pyproject.toml').read_text()
    for path in (ROOT / 'rbd_mon_fix').rglob('*.py'):
        assert not re.search(r'^ *(?:import|from) pbr', path.read_text(),
                             re.MULTILINE)


def test_debian_s_packages_are_in_the_docs():
    """tests/functional/test_install.py takes those in bindep.txt."""
    tested = re.findall(r'^(python3-\S+) \[platform:dpkg test\]$',
                        (ROOT / 'bindep.txt').read_text(), re.MULTILINE)
    shown = (ROOT / 'docs/install.rst').read_text().partition(
        'Debian 12 has packages')[2].partition('# python3 -m venv')[0]
    assert sorted(re.findall(r'python3-\S+', shown)) == sorted(tested)
    required = (ROOT / 'requirements.txt').read_text().splitlines()
    assert len(tested) == len(required) + 1  # python3-venv


def test_the_man_page_has_every_command_and_option():
    """If this fails, run tox -e man. tox -e docs compares every word."""
    page = man_page.PAGE.read_text().replace('\\-', '-')
    for word in {word for path in test_completion.COMMANDS for word in path}:
        assert re.search(rf'(?:\b|fB){word}\b', page), word
    for part in ('commands', 'options'):
        text = REFERENCE.read_text().partition(f'.. {part} begin')[2]
        for option in set(re.findall(r'``(--[a-z-]+)',
                                     text.partition(f'.. {part} end')[0])):
            assert re.search(rf'{option}(?![\w-])', page), option


def test_the_man_page_has_no_day():
    """It would change with each day on which it is made."""
    assert '.TH "RBD-MON-FIX" "1" ""' in man_page.PAGE.read_text()


@pytest.mark.parametrize('page, words', [
    ('.TP\n\\fB\\-\\-host\\fP H\nthe host', ['host', 'H', 'the', 'host']),
    ('.sp\n\\f[B]\\-\\-host\\f[] H\nthe\nhost', ['host', 'H', 'the', 'host']),
    ('.SH FILES\na', ['FILES', 'a']), ("'\\\" t\n.nr x 1\na", ['a']),
    ('Nova\\(aqs', ['Nova', 's'])])
def test_the_words_of_a_man_page(page, words):
    """Their macros depend on the version of docutils."""
    assert man_page.words(page) == words


def test_the_service():
    service = settings(SERVICE)['Service']
    assert service['Type'] == 'oneshot'
    assert service['ExecStart'] == CHECK
    assert service['SuccessExitStatus'] == '1'
    folder = pathlib.Path(shlex.split(CHECK)[-1]).parent
    assert f'-{folder}' in service['ReadWritePaths'].split()
    # ProtectSystem makes all other folders read-only.
    assert f"/var/lib/{service['StateDirectory']}" == (
        {opt.name: opt for opt in options.OPTS}['journal-dir'].default)
    assert service['StateDirectoryMode'] == '0700'


def test_the_service_of_the_shield():
    service = settings(UNITS[2])['Service']
    assert service['Type'] == 'oneshot'
    assert service['ExecStart'] == 'rbd-mon-fix shield refresh'
    # It writes below /etc, and acts as QEMU in the mounts of libvirt.
    assert service['ProtectSystem'] == 'yes'
    assert 'CapabilityBoundingSet' not in service


@pytest.mark.parametrize('timer', [
    each for each in UNITS if each.suffix == '.timer'],
    ids=lambda path: path.name)
def test_the_timers(timer):
    assert settings(timer)['Timer'].keys() == {
        'OnCalendar', 'RandomizedDelaySec', 'Persistent'}
    assert settings(timer)['Install']['WantedBy'] == 'timers.target'
    assert timer.with_suffix('.service') in UNITS


@pytest.mark.skipif(not shutil.which('systemd-analyze'),
                    reason='there is no systemd-analyze')
def test_systemd_takes_the_units(tmp_path):
    """With a program that exists; the man page is installed later, too."""
    for unit in UNITS:
        text = re.sub(r'^Documentation=.*\n', '', unit.read_text(),
                      flags=re.MULTILINE)
        (tmp_path / unit.name).write_text(text.replace(
            'ExecStart=rbd-mon-fix ', f'ExecStart={shutil.which("true")} '))
    done = subprocess.run(
        ['systemd-analyze', 'verify',
         *(str(tmp_path / unit.name) for unit in UNITS)],
        capture_output=True, text=True, timeout=BOUND, check=False)
    assert done.returncode == 0, done.stderr
    assert 'rbd-mon-fix' not in done.stderr
