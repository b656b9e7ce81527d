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

"""Servers, and the part of a cloud that a run looks at."""

from __future__ import annotations

import dataclasses
from typing import Mapping, Optional


@dataclasses.dataclass(frozen=True)
class Instance:
    """A server as Nova (or, without Nova, libvirt) knows it.

    :param uuid: the server's, which is the domain's as well
    :param host: the compute host that Nova says it is on
    :param name: what its owner calls it
    :param vm_state: Nova's; from libvirt's state where Nova is not asked
    :param task_state: Nova's; None when nothing is going on
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
        """Tell whether Nova is at work on it."""
        return self.task_state is not None or self.vm_state == 'building'


@dataclasses.dataclass(frozen=True)
class Attachment:
    """One volume of a server as Nova's block device mapping knows it."""

    instance: str
    volume_id: str
    attachment_id: Optional[str]


@dataclasses.dataclass(frozen=True)
class Scope:
    """The servers of one host that are looked at together.

    :param host: the compute host
    :param instances: its servers by UUID, those left out by
        ``--instance`` not among them
    :param attachments: their volumes, once nova-bdm was scanned; None
        where Nova's database is not at hand
    """

    host: str
    instances: Mapping[str, Instance]
    attachments: Optional[tuple[Attachment, ...]] = None
