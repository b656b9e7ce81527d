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

from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.model.record import Locator
from rbd_mon_fix.model.run import Entry
from rbd_mon_fix.model.run import Run


def entry(key, verdict):
    return Entry(Locator('nova-bdm', 'cmp1', 'server', key), (), 'old',
                 'new', verdict, '')


def test_only_entries_without_a_verdict_are_unsettled():
    entries = [entry(str(number), verdict)
               for number, verdict in enumerate([None, *Verdict, None])]
    run = Run('r1', 'refresh', ('cmp1',), '2026-01-01T00:00:00Z', None,
              tuple(entries), False, frozenset())

    assert run.unsettled == (entries[0], entries[-1])
