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

"""Each copy of each server."""

from __future__ import annotations

import dataclasses
import io

import pytest

from rbd_mon_fix.model.evidence import Evidence
from rbd_mon_fix.model.evidence import EvidenceKind
from rbd_mon_fix.model.finding import Finding
from rbd_mon_fix.model.finding import FindingKind
from rbd_mon_fix.model.plan import Operation
from rbd_mon_fix.model.plan import State
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.model.record import SkipReason
from rbd_mon_fix.report import detail
from rbd_mon_fix.report import plain
from tests.unit.report import sample

OF_MANY = '''\
Host cmp1
  00000001-0000-4000-8000-000000000000  web-1  (stopped)  3 copies current
    current  cinder-attachment  vda  vms/root (ceph)  10.1.0.1:6789 \
[fd01::1]:6789
    current  nova-bdm           vda  vms/root (ceph)  10.1.0.1:6789 \
[fd01::1]:6789
    current  domain             vda  vms/root (ceph)  10.1.0.1:6789 \
[fd01::1]:6789
  00000002-0000-4000-8000-000000000000  web-2  (stopped)  would not start; \
hard-reboot would fail too
    stale  nova-bdm  vda  vms/root (ceph)  10.0.0.1:6789 [fd00::1]:6789 \
-> 10.1.0.1:6789 [fd01::1]:6789

Host cmp2
  00000003-0000-4000-8000-000000000000  web-3  (active, rebooting)  \
would not start; hard-reboot would fail too
    stale  nova-bdm  vda  vms/root (ceph)  10.0.0.1:6789 [fd00::1]:6789 \
-> 10.1.0.1:6789 [fd01::1]:6789  skipped: busy  Nova is at work on it.
  00000004-0000-4000-8000-000000000000  (stopped)  1 copy unreadable
    unreadable  nova-bdm  vda  It is no JSON.

Findings
  cmp1  storage pool vms  10.0.0.1:6789 [fd00::1]:6789 -> 10.1.0.1:6789 \
[fd01::1]:6789
    Correct the hosts with "virsh pool-edit".
  cmp1  pool of a cluster that is gone  10.0.0.1:6789 -> unknown
    Remove it.
'''


def written(servers, done=None, findings=()):
    found = detail.Detail(plain.Plain(stream := io.StringIO()))
    for copies in servers:
        server = copies[0].instance
        found.server(server.host, server, copies, done)
    for each in findings:
        found.finding(each)
    return stream.getvalue()


def test_every_copy_is_told():
    assert written([
        sample.current(1), sample.stale(2)[1:2],
        sample.busy(3, host='cmp2', vm_state='active'),
        sample.unreadable(4, host='cmp2', name='')], findings=[
            sample.FINDING,
            Finding(FindingKind.POOL, 'cmp1', 'pool of a cluster that is gone',
                    sample.OLD[:1], (), 'Remove it.')]) == OF_MANY


@pytest.mark.parametrize('copies, verdict', [
    (sample.stale(1)[1:2], 'would not start; hard-reboot would fail too'),
    (sample.stale(1)[2:], 'soft-reboot would fail'),
    ([sample.copy(sample.instance(1), 'live-domain', State.STALE,
                  breaks=(Operation.SUSPEND,))],
     'suspend would save stale addresses'),
    ([sample.copy(sample.instance(1), 'live-domain', State.STALE,
                  breaks=(Operation.SUSPEND, Operation.LIVE_MIGRATE))],
     'live-migrate would fail'),
    ([sample.copy(sample.instance(1)),
      sample.copy(sample.instance(1), 'domain', State.DRIFTED)],
     '1 drifted, 1 current')])
def test_the_line_of_a_server_names_what_fails(copies, verdict):
    assert f'(stopped)  {verdict}\n' in written([copies])


def test_a_shield_is_told():
    copies = [dataclasses.replace(copy, shielded=True, breaks=())
              for copy in sample.stale(1)[1:]]
    text = written([copies])
    assert '(stopped)  2 copies stale, shielded on this host\n' in text
    assert text.count('  shielded on this host') == 2
    text = written([[*copies, sample.copy(sample.instance(1))]])
    assert '  2 stale, 1 current, shielded on this host\n' in text


def test_outcomes_and_their_reasons():
    copies = sample.stale(1)
    text = written([copies], sample.outcomes(copies, Verdict.FAILED, 'Why.'))

    assert '(stopped)  still would not start; hard-reboot and ' in text
    assert '\n    stale, failed  nova-bdm           vda  ' in text
    assert text.count('  Why.\n') == 2


def test_evidence_is_told():
    server = sample.instance(1)
    text = written([[
        sample.copy(server, 'nova-bdm', State.STALE, evidence=Evidence(
            EvidenceKind.HISTORY, 'It is odd.',
            ('10.0.0.1:6789 was mon.a until 2026-11-20',))),
        sample.copy(server, 'domain', State.UNKNOWN_CLUSTER, cluster=None,
                    desired=(), skip=SkipReason.UNKNOWN_CLUSTER,
                    note='It is nowhere.', evidence=Evidence(
                        EvidenceKind.NOT_FOUND, 'It is nowhere.'))]])

    assert ('  evidence: history  10.0.0.1:6789 was mon.a until 2026-11-20. '
            'It is odd.\n') in text
    assert '  evidence: not-found  It is nowhere.\n' in text
