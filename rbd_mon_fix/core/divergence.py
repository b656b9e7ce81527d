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

"""Running guests whose live and persistent XML name different monitors.

Libvirt writes the new image of an external snapshot or a block copy into the
persistent XML only if the disk there is the same, which it tells by the hosts
too, in their order (``virStorageSourceIsSameLocation`` in
src/conf/storage_source_conf.c; its callers are ``qemuSnapshotDiskPrepareOne``
in src/qemu/qemu_snapshot.c and ``qemuBlockJobGetConfigDisk`` in
src/qemu/qemu_blockjob.c). Otherwise only the running guest uses the new image,
and the next start goes back to the old one. Images below an overlay are not
compared. Nova defines a domain again after such an operation, so its servers
are not affected.
"""

from __future__ import annotations

from typing import Optional, Sequence

from rbd_mon_fix.model.finding import Finding
from rbd_mon_fix.model.finding import FindingKind
from rbd_mon_fix.model.plan import Copy
from rbd_mon_fix.model.plan import Outcomes
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.model.plan import outcome_of

# The key of the firmware's variables, of which no snapshot or copy is made.
_NVRAM = 'nvram'
ADVICE = ('The running guest has other addresses: stop and start it before a '
          'snapshot or blockcopy with virsh, which its next start would '
          'otherwise forget.')


def finding(copies: Sequence[Copy], outcomes: Outcomes) -> Optional[Finding]:
    """Return the finding about a guest that Nova does not know, or None.

    :param copies: all copies of the guest
    :param outcomes: the outcomes of changes; None if nothing is written
    """
    apart = [copy for copy in copies if _is_apart(copy, outcomes)]
    if not apart:
        return None
    first = apart[0]
    assert first.live is not None
    guest = first.instance
    disks = ', '.join(copy.disk.key for copy in apart if copy.disk)
    return Finding(
        FindingKind.RUNNING_GUEST, first.locator.host,
        f'guest {guest.name} ({guest.uuid}), {disks}', first.live,
        first.desired, ADVICE)


def _is_apart(copy: Copy, outcomes: Outcomes) -> bool:
    """Return whether the XML differs, and a refresh would not change that."""
    if copy.instance.managed or copy.live is None or copy.disk is None:
        return False
    if '/' in copy.disk.key or copy.disk.key == _NVRAM:
        return False
    if copy.wrong and copy.live == copy.desired:
        return False
    outcome = outcome_of(copy, outcomes)
    written = outcome is not None and outcome.verdict is Verdict.FIXED
    return copy.live != (copy.desired if written else copy.disk.monitors)
