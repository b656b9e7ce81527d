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

"""The output and the exit code of ``check``."""

from __future__ import annotations

import io
import os
import re

import pytest

from rbd_mon_fix import engine
from rbd_mon_fix.cli import check
from rbd_mon_fix.cli import main
from rbd_mon_fix.cli import refresh
from rbd_mon_fix.model.health import Severity
from rbd_mon_fix.report import nagios
from tests.unit import worlds


@pytest.fixture
def checked(cloud, monkeypatch):
    """Return a function that checks: exit code and text."""
    def checked(*hosts, **fields):
        monkeypatch.setattr(engine, 'Context', cloud.opened)
        out = io.StringIO()
        code = check.run(cloud.conf(worlds.command(
            hosts or ['cmp1'], **{'textfile': None, **fields})), out,
            io.StringIO())
        return code, out.getvalue()

    return checked


# The list comes from ceph.conf: no Ceph runs here.
LINE = (r'RBDMON CRITICAL - 2 of 2 servers would not come back, 6 copies '
        r'stale, The monitors of ceph come from ceph\.conf, written \S+, not '
        r'from the cluster itself')
NUMBERS = ('lost=2;0;0;0;2 stale=6 drifted=0 not_judged=0 stranded=0;0;0;0 '
           'unreached=0;0;;0')


@pytest.mark.parametrize('fmt, code, text', [
    ('text', 1, LINE), ('nagios', 2, rf'{LINE} \| {NUMBERS}')])
def test_the_line(checked, fmt, code, text):
    got, shown = checked(format=fmt)
    assert got == code
    assert re.fullmatch(f'{text}\n', shown)


@pytest.mark.parametrize('hosts, code, words', [
    (('cmp1', 'cmp2'), 2, 'not reached: cmp2'), (('cmp2',), 3, 'UNKNOWN')])
def test_a_host_that_is_down(cloud, checked, hosts, code, words):
    del cloud.libvirts['cmp2']
    assert checked(*hosts)[0] == 5
    got, text = checked(*hosts, format='nagios')
    assert got == code
    assert words in text
    assert 'unreached=1' in text


def test_all_is_right(cloud, checked, run):
    run(refresh)
    assert checked(format='nagios', hosts=('cmp1',))[1].startswith(
        'RBDMON WARNING - The monitors of ceph come from')


def test_json(cloud, checked, run):
    del cloud.libvirts['cmp2']
    code, report, _ = run(check, 'cmp1', 'cmp2', textfile=None)
    assert code == 5
    assert report['version'] == 2
    assert report['severity'] == 'critical'
    assert {host: found['reached'] for host, found
            in report['summary']['hosts'].items()} == {
        'cmp1': True, 'cmp2': False}
    assert report['error']['kind'] == 'unreachable'
    assert report['guests'] is None


def test_the_file(checked, tmp_path, cloud):
    """It is replaced for everybody to read, whoever owns the folder."""
    pytest.importorskip('prometheus_client')
    folder = tmp_path / 'collector'
    folder.mkdir()
    folder.chmod(0o777)
    path = folder / 'rbd_mon_fix.prom'
    path.write_text('old')
    code, text = checked(textfile=str(path), format='text')
    assert code == 1
    assert re.fullmatch(f'{LINE}\n', text)
    assert 'rbd_mon_fix_servers{compute_host="cmp1"} 2.0' in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o644
    assert os.listdir(folder) == [path.name]


def test_a_file_that_cannot_be_written(checked, tmp_path):
    pytest.importorskip('prometheus_client')
    path = tmp_path / 'none' / 'x.prom'
    with pytest.raises(FileNotFoundError) as caught:
        checked(textfile=str(path))
    assert caught.value.filename == str(path)


def test_metrics_on_stdout(checked):
    parser = pytest.importorskip('prometheus_client.parser')
    code, text = checked(format='prometheus')
    assert code == 1
    names = {family.name for family
             in parser.text_string_to_metric_families(text)}
    assert 'rbd_mon_fix_check_duration_seconds' in names


def test_other_commands_have_no_line_for_nagios(monkeypatch, capsys,
                                                tmp_path):
    monkeypatch.setattr(main, 'CONFIG_FILE', str(tmp_path / 'none'))
    with pytest.raises(SystemExit) as caught:
        main.main(['status', '-f', 'nagios'])
    assert caught.value.code == 2
    assert capsys.readouterr().out == ''


@pytest.mark.parametrize('argv', [
    ['--nonsense'], ['--config-file', '/none'], ['--host', '@/none']])
def test_errors_are_unknown_to_nagios(monkeypatch, capsys, tmp_path, argv):
    monkeypatch.setattr(main, 'CONFIG_FILE', str(tmp_path / 'none'))
    try:
        code = main.main(['check', '-f', 'nagios', *argv])
    except SystemExit as error:
        code = error.code
    assert code == nagios.CODES[Severity.UNKNOWN] == 3
    out = capsys.readouterr().out
    assert out.startswith('RBDMON UNKNOWN - ')
    assert out.count('\n') == 1
