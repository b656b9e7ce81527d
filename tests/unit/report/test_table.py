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

from __future__ import annotations

import io
import re

import pytest

from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.model.cluster import Source
from rbd_mon_fix.model.evidence import Evidence
from rbd_mon_fix.model.evidence import EvidenceKind
from rbd_mon_fix.model.finding import Finding
from rbd_mon_fix.model.finding import FindingKind
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.monmap import MonMap
from rbd_mon_fix.model.plan import State
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.model.record import SkipReason
from rbd_mon_fix.report import factory
from rbd_mon_fix.report import schema
from tests.unit.report import sample

STATUS, REFRESH = schema.Kind.STATUS, schema.Kind.REFRESH
MANY = [sample.current(1), sample.stale(2),
        sample.busy(3, host='cmp2', vm_state='active'),
        sample.unreadable(4, host='cmp2', name='')]

STATUS_OF_MANY = '''\
Cluster ceph, from mon-dump: 10.1.0.1:6789 [fd01::1]:6789 (all answer)

Host cmp1
  00000001-0000-4000-8000-000000000000  web-1  (stopped)  3 copies current
  00000002-0000-4000-8000-000000000000  web-2  (stopped)  would not start; \
hard-reboot and soft-reboot would fail too
    stale    nova-bdm  vda  vms/root (ceph)  10.0.0.1:6789 [fd00::1]:6789 \
-> 10.1.0.1:6789 [fd01::1]:6789
    stale    domain    vda  vms/root (ceph)  10.0.0.1:6789 [fd00::1]:6789 \
-> 10.1.0.1:6789 [fd01::1]:6789
    current  cinder-attachment vda

  Operations that would fail on cmp1
                     start  hard-reboot  soft-reboot
    00000002  web-2  fails  fails        fails
    1 server         1      1            1

Host cmp2
  00000003-0000-4000-8000-000000000000  web-3  (active, rebooting)  \
would not start; hard-reboot would fail too
    stale    nova-bdm  vda  vms/root (ceph)  10.0.0.1:6789 [fd00::1]:6789 \
-> 10.1.0.1:6789 [fd01::1]:6789  skipped: busy  Nova is at work on it.
  00000004-0000-4000-8000-000000000000  (stopped)  1 copy unreadable
    unreadable  nova-bdm  vda  It is no JSON.

  Operations that would fail on cmp2
                     start  hard-reboot
    00000003  web-3  fails  fails
    1 server         1      1

1 copy on 1 server could not be judged: nothing tells whether the addresses \
are right.
If the power failed now, 1 of 2 servers on cmp1 would not come back.
If the power failed now, at least 1 of 2 servers on cmp2 would not come back.
2 servers would not start.
Hard-reboot would fail on 2 servers, soft-reboot on 1.
Found 8 copies on 4 servers: 1 unreadable, 3 stale, 4 current.
Skipped 2 copies: 1 busy, 1 unreadable.
"rbd-mon-fix refresh" would make 2 changes.
'''

REFRESH_OF_TWO = '''\
Cluster ceph, from mon-dump: 10.1.0.1:6789 [fd01::1]:6789 (all answer)

Host cmp1
  00000001-0000-4000-8000-000000000000  web-1  (stopped)  2 fixed, 1 current
    stale, fixed  nova-bdm  vda  vms/root (ceph)  10.0.0.1:6789 \
[fd00::1]:6789 -> 10.1.0.1:6789 [fd01::1]:6789
    stale, fixed  domain    vda  vms/root (ceph)  10.0.0.1:6789 \
[fd00::1]:6789 -> 10.1.0.1:6789 [fd01::1]:6789
    current       cinder-attachment vda
  00000002-0000-4000-8000-000000000000  web-2  (stopped)  still would not \
start; hard-reboot would fail too
    stale, failed  nova-bdm  vda  vms/root (ceph)  10.0.0.1:6789 \
[fd00::1]:6789 -> 10.1.0.1:6789 [fd01::1]:6789  The row is locked.

  Operations that would fail on cmp1
                     start  hard-reboot
    00000002  web-2  fails  fails
    1 server         1      1

If the power failed now, 1 of 2 servers on cmp1 would not come back.
1 server still would not start.
1 server would not have started; now it would.
Hard-reboot would still fail on 1 server.
Not fixed: 1 failed. Run the same command again to retry.
Fixed: 2 changes.
Found 4 copies on 2 servers: 3 stale, 1 current.
Run r1. To undo it: rbd-mon-fix rollback r1
'''


class Tty(io.StringIO):

    def isatty(self):
        return True


@pytest.fixture
def tty(monkeypatch):
    for name in ('NO_COLOR', 'FORCE_COLOR', 'TTY_COMPATIBLE', 'COLORTERM'):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv('TERM', 'xterm-256color')
    monkeypatch.setenv('COLUMNS', '80')
    return Tty()


def piped(*args, **kwargs):
    stream = io.StringIO()
    sample.written('table', stream, *args, **kwargs)
    return stream.getvalue()


def bare(text):
    return re.sub(r'\x1b\[[\d;]*m', '', text)


def test_status():
    assert piped(STATUS, MANY) == STATUS_OF_MANY


def test_refresh():
    one, two = sample.stale(1), sample.stale(2)[1:2]
    done = {**sample.outcomes(one), **sample.outcomes(
        two, Verdict.FAILED, 'The row is locked.')}

    assert piped(REFRESH, [one, two], done, 'r1') == REFRESH_OF_TWO


def test_all_current_is_one_short_line_a_server():
    assert piped(STATUS, [sample.current(1)]).splitlines()[2:] == [
        'Host cmp1',
        '  00000001-0000-4000-8000-000000000000  web-1  (stopped)  '
        '3 copies current',
        '', 'All 3 copies are current.', 'Checked 1 server.']


@pytest.mark.parametrize('copies, verdict', [
    (sample.stale(1)[1:2],
     'would not start; hard-reboot would fail too'),
    (sample.stale(1)[2:], 'soft-reboot would fail')])
def test_the_line_of_a_server_names_the_operations_that_fail(copies,
                                                             verdict):
    assert f'(stopped)  {verdict}\n' in piped(STATUS, [copies])


def test_drift_is_told_without_alarm():
    server = sample.instance(1)
    copies = [sample.copy(server),
              sample.copy(server, 'domain', State.DRIFTED)]

    assert '(stopped)  1 drifted, 1 current\n' in piped(STATUS, [copies])


def test_an_unknown_cluster_shows_the_monitors_and_says_so_once():
    copy = sample.copy(sample.instance(1), state=State.UNKNOWN_CLUSTER,
                       cluster=None, desired=(),
                       skip=SkipReason.UNKNOWN_CLUSTER)

    assert ('    unknown-cluster  nova-bdm  vda  vms/root  '
            '10.0.0.1:6789 [fd00::1]:6789\n') in piped(STATUS, [[copy]])


@pytest.mark.parametrize('answering, words', [
    (None, '(not asked)'), ((), '(no answer)'),
    (('10.1.0.1:3300', '10.1.0.1:6789'), '(1 of 2 answer)'),
    (('10.1.0.1:3300', '[fd01::1]:6789'), '(all answer)')])
def test_a_monitor_answers_on_any_of_its_addresses(answering, words):
    asked = None if answering is None else frozenset(
        map(MonAddr.parse, answering))
    first = piped(STATUS, [], answering=asked).splitlines()[0]

    assert first.endswith(words)


def test_a_cluster_without_monitors_says_so():
    cluster = Cluster('ceph', None, Source.NONE, MonMap(()), ())

    assert piped(STATUS, [], clusters=[cluster]).startswith(
        'Cluster ceph: monitors unknown\n')


FINDINGS = '''
Findings that need attention
  cmp1  storage pool vms  10.0.0.1:6789 [fd00::1]:6789 -> 10.1.0.1:6789 \
[fd01::1]:6789
    Correct the hosts with "virsh pool-edit".
  cmp1  pool of a cluster that is gone  10.0.0.1:6789 -> unknown
    Remove it.
  cmp2  volume v1 (retyping)
    Wait.

'''


def test_findings_follow_the_last_host():
    findings = [
        sample.FINDING,
        Finding(FindingKind.POOL, 'cmp1', 'pool of a cluster that is gone',
                sample.OLD[:1], (), 'Remove it.'),
        Finding(FindingKind.VOLUME_MOVE, 'cmp2', 'volume v1 (retyping)', (),
                (), 'Wait.')]
    text = piped(STATUS, MANY, findings=findings)

    assert text.count('Findings that need attention') == 1
    rest = text.partition('that would fail on cmp2')[2]
    assert FINDINGS + '1 copy on 1 server' in rest
    assert '3 findings need attention; see above.\n' in rest


OLD_SERVER = sample.instance(1)
WAS = '10.0.0.1:6789 was mon.a until 2026-11-20'
ALSO = '[fd00::1]:6789 was mon.b until 2026-11-20'
HISTORY = Evidence(EvidenceKind.HISTORY, 'It is odd.', (WAS,))
EXPLAINED = [[
    sample.copy(OLD_SERVER, 'nova-bdm', State.STALE, evidence=HISTORY),
    sample.copy(OLD_SERVER, 'domain', State.STALE, evidence=Evidence(
        EvidenceKind.HISTORY, '', (WAS, ALSO))),
    sample.copy(OLD_SERVER, 'cinder-attachment', evidence=Evidence(
        EvidenceKind.CURRENT_ADDRESS)),
    sample.copy(OLD_SERVER, 'managed-save', State.UNKNOWN_CLUSTER,
                cluster=None, desired=(), skip=SkipReason.UNKNOWN_CLUSTER,
                note='No known cluster had a monitor there.',
                evidence=Evidence(EvidenceKind.NOT_FOUND,
                                  'No known cluster had a monitor there.'))]]


@pytest.mark.parametrize('kind', [STATUS, REFRESH])
def test_whose_the_old_addresses_were_is_told_once(kind):
    text = piped(kind, EXPLAINED)
    assert ('\n\nAddresses of former monitors\n'
            f'  ceph: {WAS}\n  ceph: {ALSO}\n\n') in text
    assert (text.count('mon.a'), text.count('It is odd.')) == (1, 1)
    # It is the note of its copy, and no former monitor.
    assert text.count('No known cluster had a monitor there.') == 1
    assert 'evidence' not in text


def test_a_verbose_table_shows_each_copy_with_its_evidence():
    text = piped(STATUS, EXPLAINED, verbose=True)
    details = [line.split() for line in text.splitlines()
               if line.startswith('    ')]
    assert [(line[0], line[1], line[line.index('evidence:') + 1])
            for line in details if 'evidence:' in line] == [
        ('stale', 'nova-bdm', 'history'), ('stale', 'domain', 'history'),
        ('current', 'cinder-attachment', 'current-address'),
        ('unknown-cluster', 'managed-save', 'not-found')]
    assert 'current  cinder-attachment vda\n' not in text


def test_a_server_without_copies_takes_no_line():
    report = factory.report('table', stream := io.StringIO(), STATUS)
    report.server('cmp1', sample.instance(1), [], None)

    assert stream.getvalue() == ''


def test_a_pipe_gets_no_escape_even_when_colour_is_forced(monkeypatch):
    monkeypatch.setenv('FORCE_COLOR', '1')

    assert '\x1b' not in piped(STATUS, MANY)


def test_a_terminal_gets_colour_and_every_word(tty):
    sample.written('table', tty, STATUS, MANY)
    lines = tty.getvalue().splitlines()

    assert any(line.startswith('\x1b[1;31m1 copy on 1 server could not be')
               for line in lines)
    assert bare(tty.getvalue()).split() == STATUS_OF_MANY.split()


def test_a_terminal_folds_between_words(tty):
    sample.written('table', tty, STATUS, MANY)
    lines = bare(tty.getvalue()).splitlines()

    assert max(len(line.rstrip()) for line in lines) <= 80
    assert '        [fd00::1]:6789 -> 10.1.0.1:6789 [fd01::1]:6789' in lines


def test_no_color_is_heeded(tty, monkeypatch):
    monkeypatch.setenv('NO_COLOR', '1')
    sample.written('table', tty, STATUS, MANY)

    assert not re.search(r'\x1b\[[\d;]*[34]\d', tty.getvalue())


@pytest.mark.parametrize('name, shown', [
    ('[red]db[/red]', '[red]db[/red]'), (':cat:', ':cat:'),
    ('a\x1b[31mb', r'a\x1b[31mb'), ('a\nb', r'a\nb'),
    ('a\u202eb', r'a\u202eb'), ('кот', 'кот')])
def test_names_are_shown_as_they_are_and_do_nothing(
        tty, monkeypatch, name, shown):
    monkeypatch.setenv('COLUMNS', '120')
    servers = [sample.current(1, name=name)]
    sample.written('table', tty, STATUS, servers)

    line = f'000000000000  {shown}  (stopped)  3 copies current\n'
    assert line in bare(tty.getvalue())
    assert line in piped(STATUS, servers)


def test_a_stream_gets_only_what_it_can_encode():
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding='ascii')
    sample.written('table', stream, STATUS, [sample.current(1, name='é')])
    stream.flush()

    assert b'\\xe9  (stopped)' in raw.getvalue()
