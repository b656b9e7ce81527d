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

"""The libvirt secrets that the config and the documents of a host name."""

from __future__ import annotations

from typing import Iterator

from rbd_mon_fix.engine import cephx_keys
from rbd_mon_fix.engine import context as contexts
from rbd_mon_fix.engine import places
from rbd_mon_fix.engine import scan as scans
from rbd_mon_fix.engine import selection as selections
from rbd_mon_fix.stores import registry


def of_config(context: contexts.Context,
              host: str) -> Iterator[cephx_keys.SecretName]:
    """Yield the secrets that nova.conf and our own config name.

    A host needs those of cinder.conf only for volumes that are attached to
    its servers, and then the documents name them.

    :raises ConfigError: one of the files cannot be used
    """
    plain = context.plain()
    for uuid in (context.nova.rbd_secret_uuid if context.nova else None,
                 plain.secret_uuid if plain else None):
        if uuid:
            yield cephx_keys.SecretName(host, uuid)


def of_documents(context: contexts.Context,
                 host: str) -> Iterator[cephx_keys.SecretName]:
    """Yield the secrets that cold starts on a host need, one for each disk.

    :raises ConfigError: the host is unknown
    :raises Unreachable: a store cannot be reached
    """
    stores = tuple(name for name, spec in registry.SPECS.items()
                   if spec.read_by_cold_start
                   and not places.why_missing(spec.needs, context, [host]))
    selection = selections.select(selections.ScanRequest(
        (host,) if host else (), stores=stores), context)
    for batch in scans.Scan(context, selection).batches():
        for record in batch.cold():
            for disk in record.document.disks if record.document else ():
                _, secret = cephx_keys.of_disk(context, record.locator, disk)
                if secret:
                    yield secret
