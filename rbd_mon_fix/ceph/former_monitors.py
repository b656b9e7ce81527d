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

"""Former monitors that the operator states: the option former_monitors."""

from __future__ import annotations

import dataclasses
from typing import Sequence
import uuid

from oslo_log import log as logging

from rbd_mon_fix import exceptions
from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.model.monmap import MonAddr

LOG = logging.getLogger(__name__)

_HINT = ('Write "FSID ADDRESS ADDRESS ...", for example '
         '"0b5e1c1d-94d5-4d43-8bd4-2f0bd0f7bb02 192.0.2.11:6789".')


def stated(values: Sequence[str], clusters: Sequence[Cluster],
           place: str = 'former_monitors') -> tuple[Cluster, ...]:
    """Return clusters with the former monitors that are stated for them.

    :param values: values of the option: an fsid and addresses each
    :param place: the option, and where it is set, for messages
    :raises ConfigError: a value is invalid, an fsid is stated twice, or an
        address is stated for two clusters
    """
    found: dict[str, tuple[MonAddr, ...]] = {}
    for value in values:
        fsid, addrs = _parse(value, place)
        _check_new(fsid, addrs, found, place)
        found[fsid] = addrs
    for fsid in sorted(set(found) - {cluster.fsid for cluster in clusters}):
        LOG.warning('%s states monitors of fsid %s, but no cluster in the '
                    'config has this fsid.', place, fsid)
    return tuple(dataclasses.replace(
        cluster, stated=found.get(cluster.fsid or '', ()))
        for cluster in clusters)


def _check_new(fsid: str, addrs: Sequence[MonAddr],
               found: dict[str, tuple[MonAddr, ...]], place: str) -> None:
    if fsid in found:
        raise exceptions.ConfigError(
            f'{place} states fsid {fsid} twice.',
            'Put all addresses of a cluster into one value.')
    for other, known in found.items():
        shared = _endpoints(known) & _endpoints(addrs)
        if shared:
            raise exceptions.ConfigError(
                f'{place} states {min(map(str, shared))} for two clusters, '
                f'{other} and {fsid}.',
                'State each address for one cluster only.')


def _endpoints(addrs: Sequence[MonAddr]) -> set[MonAddr]:
    return {endpoint for addr in addrs for endpoint in addr.endpoints}


def _parse(value: str, place: str) -> tuple[str, tuple[MonAddr, ...]]:
    fsid, *words = value.replace(',', ' ').split() or ['']
    try:
        addrs = tuple(map(MonAddr.parse, words))
        canonical = str(uuid.UUID(fsid))
    except ValueError as error:
        raise exceptions.ConfigError(
            f'Invalid value of {place}: {error}.', _HINT) from error
    if not addrs or any(addr.is_placeholder for addr in addrs):
        raise exceptions.ConfigError(
            f'{place} states no usable address for fsid {fsid}.',
            _HINT)
    return canonical, addrs
