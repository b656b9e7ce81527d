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

"""The runner of all checks; no check changes anything."""

from __future__ import annotations

from typing import Iterator, Sequence

from rbd_mon_fix.engine import context as contexts
from rbd_mon_fix.engine import selection
from rbd_mon_fix.preflight import ceph
from rbd_mon_fix.preflight import check as checking
from rbd_mon_fix.preflight import config
from rbd_mon_fix.preflight import machine
from rbd_mon_fix.preflight import services
from rbd_mon_fix.preflight.check import Check


def run(context: contexts.Context, hosts: Sequence[str]) -> Iterator[Check]:
    """Yield every check; a failed check does not stop the others.

    :param hosts: compute hosts, as Nova names them; empty for this machine
    :raises ConfigError: no host was given, and Nova does not know this
        machine
    """
    return _checks(context, tuple(dict.fromkeys(hosts))
                   or (_this_host(context),))


def _this_host(context: contexts.Context) -> str:
    """Return this machine's name in Nova; '' without OpenStack."""
    if not _has_openstack(context):
        return ''
    try:
        here = selection.this_host(context)
    except checking.FAILURES:
        return context.local_host.name  # the services' checks report the error
    if here is None:
        raise selection.not_a_host(context, 'Give --host H.')
    return here


def _has_openstack(context: contexts.Context) -> bool:
    try:
        return context.has_openstack
    except checking.FAILURES:
        return False  # the config checks report the error


def _checks(context: contexts.Context,
            hosts: Sequence[str]) -> Iterator[Check]:
    for name, group in (
            ('config', config.checks(context)),
            ('services', services.checks(context, hosts)),
            ('ceph', ceph.checks(context)),
            ('machine', machine.checks(context, hosts))):
        yield from checking.guarded(name, 'the rest', group)
