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

"""Which operation reads which copy, and so fails when it is stale.

The tables are those of Nova's libvirt driver (nova/virt/libvirt/driver.py):
``_hard_reboot`` and ``power_on`` rebuild the XML from the block device
mappings, ``_soft_reboot`` starts the persistent domain again, ``resume``
starts the managed-save image, ``unrescue`` reads unrescue.xml.
"""

from __future__ import annotations

from rbd_mon_fix.model.instance import Instance
from rbd_mon_fix.model.plan import Operation
from rbd_mon_fix.model.plan import State

_NOVA: dict[str, tuple[Operation, ...]] = {
    'nova-bdm': (Operation.START, Operation.HARD_REBOOT),
    'domain': (Operation.SOFT_REBOOT,),
    'cinder-attachment': (),
}

# Without Nova nothing is rebuilt: every start reads the persistent domain.
_PLAIN: dict[str, tuple[Operation, ...]] = {
    'domain': (Operation.START, Operation.HARD_REBOOT,
               Operation.SOFT_REBOOT),
}


def breaks(store: str, state: State,
           instance: Instance) -> tuple[Operation, ...]:
    """Return the operations that would fail from this copy now.

    :param store: name of the store that keeps the copy
    """
    if state is not State.STALE:
        return ()
    table = _NOVA if instance.managed else _PLAIN
    return table.get(store, ())
