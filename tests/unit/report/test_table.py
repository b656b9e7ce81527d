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

"""One screen for people: the verdict first and last."""

from __future__ import annotations

import dataclasses
import io
import re

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.model.finding import Finding
from rbd_mon_fix.model.finding import FindingKind
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.report import factory
from rbd_mon_fix.report import layout
from rbd_mon_fix.report import schema
from rbd_mon_fix.report import view as views
from tests.unit.report import reports
from tests.unit.report import sample

STATUS, REFRESH = schema.Kind.STATUS, schema.Kind.REFRESH
MANY = [sample.current(1), sample.stale(2), sample.busy(3),
        sample.unreadable(4)]
# A command to copy stands alone on its line, which is never folded.
COMMANDS = ('Next: ', 'Take back: ')


class Tty(io.StringIO):

    def isatty(self):
        return True


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in ('NO_COLOR', 'FORCE_COLOR', 'TTY_COMPATIBLE', 'COLORTERM'):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv('TERM', 'xterm-256color')
    monkeypatch.setenv('COLUMNS', '80')


def bare(text):
    return re.sub(r'\x1b\[[\d;]*m', '', text)


def piped(*args, **kwargs):
    sample.written('table', stream := io.StringIO(), *args, **kwargs)
    return stream.getvalue()


def files(*widths):
    return pytest.mark.parametrize('path, screen, width', [
        pytest.param(*each, id=each[0].stem) for each in reports.files()
        if each[2] in widths])


@files(80, 160)
def test_a_screen_is_as_it_was_drawn(path, screen, width):
    assert reports.text(screen, width) == path.read_text()


def test_every_drawing_has_a_screen():
    assert sorted(reports.FOLDER.iterdir()) == sorted(
        path for path, _, _ in reports.files())


@files(80, 160)
def test_a_terminal_shows_the_same_words(path, screen, width):
    if screen.view.verbose:
        return
    shown = bare(reports.text(screen, width, Tty))
    assert [line.rstrip() for line in shown.splitlines()] == (
        path.read_text().splitlines())


def assert_fits(text, width):
    for line in text.splitlines():
        assert layout.cells(line) <= width or line.startswith(COMMANDS)


@files(80, 160)
def test_every_line_fits(path, screen, width):
    if not screen.view.verbose:
        assert_fits(path.read_text(), width)


@files(80)
def test_the_verdict_is_first_and_a_next_step_last(path, screen, width):
    if screen.view.verbose:
        return
    first, *_, last = path.read_text().splitlines()
    assert first.startswith(('cmp1: ', '30 hosts, ', 'No RBD disk'))
    assert last.startswith(('Next: ', 'Nothing to do.', 'After it, '))


WORST = reports.Screen(
    STATUS,
    [*(server for number in range(1, 57)
       for server in [reports.stale(number, monitors=reports.addresses(
           f'198.51.{number}', range(200, 207)))]),
     reports.busy(57), reports.unknown(58), *(
         [sample.unreadable(59), sample.unreadable(60)])],
    findings=[Finding(FindingKind.SNAPSHOT, 'cmp1', f'snapshot {number} ' * 9,
                      reports.OLD, reports.NEW, f'Do {number}. ' * 40)
              for number in range(20)],
    lost={f'cmp{number}': exceptions.Unreachable('No answer within 10 s.')
          for number in range(100)},
    stranded=40)


@pytest.mark.parametrize('kind, outcomes', [
    (STATUS, None), (schema.Kind.DRY_RUN, None),
    (REFRESH, reports.done(WORST.servers, 500))])
def test_sixty_servers_have_ninety_lines(kind, outcomes):
    screen = dataclasses.replace(WORST, kind=kind, outcomes=outcomes,
                                 run=outcomes and reports.RUN)
    text = reports.text(screen, 80)

    assert len(text.splitlines()) <= 90
    assert_fits(text, 80)


def test_five_hundred_hosts_have_one_screen():
    servers = [copies for number in range(500) for copies in (
        reports.stale(2 * number + 1, host=f'cmp{number:03}'),
        reports.well(2 * number + 2, host=f'cmp{number:03}'))]
    text = reports.text(reports.Screen(
        STATUS, servers, view=reports.FLEET, lost=WORST.lost), 80)

    assert len(text.splitlines()) <= 45
    assert text.startswith('500 hosts, 1,000 servers: 500 would not come ')
    assert_fits(text, 80)


def test_hosts_that_were_not_looked_at_are_named_by_reason():
    lines = reports.text(reports.SCREENS['status-fleet'], 80).splitlines()
    at = lines.index('  NOT LOOKED AT (3)')

    assert lines[at + 1].startswith('  cmp117: Cannot connect to libvirt')
    assert lines[at + 2] == '  cmp203, cmp204: No answer within 10 s.'


def test_a_server_without_copies_takes_no_line():
    report = factory.report('table', stream := io.StringIO(), STATUS)
    report.server('cmp1', sample.instance(1), [], None)

    assert stream.getvalue() == ''


def test_why_changes_were_not_written_is_told():
    copies = sample.stale(1)
    text = piped(REFRESH, [copies], sample.outcomes(
        copies, Verdict.FAILED, 'The row is locked.'), 'r1')

    assert '\n  NOT WRITTEN\n' in text
    assert '\n    failed: The row is locked.\n' in text


def test_a_pipe_gets_no_escape_even_when_colour_is_forced(monkeypatch):
    monkeypatch.setenv('FORCE_COLOR', '1')

    assert '\x1b' not in piped(STATUS, MANY)


def test_a_terminal_gets_colour():
    sample.written('table', tty := Tty(), STATUS, MANY)
    first = tty.getvalue().splitlines()[0]

    assert first.startswith('\x1b[1;31mcmp1: at least 2 of 4 servers')


def test_no_color_is_heeded(monkeypatch):
    monkeypatch.setenv('NO_COLOR', '1')
    sample.written('table', tty := Tty(), STATUS, MANY)

    assert not re.search(r'\x1b\[[\d;]*[34]\d', tty.getvalue())


@pytest.mark.parametrize('name, shown', [
    ('[red]db[/red]', '[red]db[/red]'), (':cat:', ':cat:'),
    ('a\x1b[31mb', r'a\x1b[31mb'), ('a\nb', r'a\nb'),
    ('a\u202eb', r'a\u202eb'), ('кот', 'кот')])
def test_names_are_shown_as_they_are_and_do_nothing(name, shown):
    servers = [sample.stale(1, name=name)]
    sample.written('table', tty := Tty(), STATUS, servers)

    line = f'00000001  {shown}  stopped  start hard soft  2 stale\n'
    assert line in bare(tty.getvalue())
    assert line in piped(STATUS, servers)


def test_a_command_is_never_folded():
    view = views.View(shared=('--config-file', '/etc/' + 'a' * 200))
    screen = dataclasses.replace(reports.SCREENS['status'], view=view)

    last = bare(reports.text(screen, 80, Tty)).splitlines()[-1]
    assert last == f'Next: {view.command("refresh", "--dry-run")}'


def test_a_stream_gets_only_what_it_can_encode():
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding='ascii')
    sample.written('table', stream, STATUS, [sample.stale(1, name='é')])
    stream.flush()

    assert b'\\xe9  stopped' in raw.getvalue()
