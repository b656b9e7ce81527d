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

"""Servers, and batches of servers."""

from __future__ import annotations

import dataclasses
from typing import Mapping, Optional

from rbd_mon_fix.model.record import Document
from rbd_mon_fix.model.record import Record


@dataclasses.dataclass(frozen=True)
class Instance:
    """A server as Nova (or libvirt, without Nova) describes it.

    :param uuid: the UUID of the server and of its domain
    :param host: the compute host according to Nova
    :param name: the display name
    :param vm_state: Nova's state; derived from libvirt's without Nova
    :param task_state: Nova's task; None if Nova is not working on it
    :param managed: False for a guest that Nova does not know
    """

    uuid: str
    host: str
    name: str = ''
    vm_state: Optional[str] = None
    task_state: Optional[str] = None
    managed: bool = True

    @property
    def busy(self) -> bool:
        """Return whether Nova is working on the server."""
        return self.task_state is not None or self.vm_state == 'building'


@dataclasses.dataclass(frozen=True)
class Scope:
    """A batch of servers of one host that is read together.

    :param host: the compute host
    :param instances: the servers by UUID, without those that
        ``--instance`` excludes
    :param documents: persistent XML by domain UUID, if the XML was read to
        list the servers
    :param before: records of these servers from the stores that must be
        read first; None if none of those stores is available
    """

    host: str
    instances: Mapping[str, Instance]
    documents: Mapping[str, Document] = dataclasses.field(
        default_factory=dict)
    before: Optional[tuple[Record, ...]] = None
