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

"""A check as metrics in the text format of Prometheus.

No label has a UUID, which would make a series of each server, and no sample
has a time, which node_exporter's textfile collector refuses.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Callable

from rbd_mon_fix import exceptions
from rbd_mon_fix.model import cluster as clusters
from rbd_mon_fix.model.finding import FindingKind
from rbd_mon_fix.model.guest import GuestState
from rbd_mon_fix.model.health import Health
from rbd_mon_fix.model.health import HostHealth
from rbd_mon_fix.model.plan import Operation
from rbd_mon_fix.model.plan import State
from rbd_mon_fix.model.record import SkipReason

if TYPE_CHECKING:
    import prometheus_client

# Sets the value of the series with these labels.
Series = Callable[..., None]

ANSWERS = ('yes', 'no', 'not asked')


@dataclasses.dataclass(frozen=True)
class Stamp:
    """When and by whom a check was made.

    :param at: seconds since 1970
    :param seconds: how long it took
    """

    at: float
    seconds: float
    version: str


def require() -> None:
    """Import what writes metrics, before a long scan.

    :raises ConfigError: prometheus_client is missing
    """
    try:
        import prometheus_client  # noqa: F401
    except ImportError:
        raise exceptions.ConfigError(
            'Metrics need the Python module prometheus_client.',
            "Install it with \"pip install 'rbd-mon-fix[metrics]'\", or "
            'python3-prometheus-client from the distribution.') from None


def text(health: Health, stamp: Stamp) -> bytes:
    """Return all metrics of a check."""
    import prometheus_client
    registry = prometheus_client.CollectorRegistry()
    _Hosts(registry).add(health)
    _monitors(registry, health)
    _gauge(registry, 'last_check_timestamp_seconds',
           'When the check ended, in seconds since 1970.')(stamp.at)
    _gauge(registry, 'check_duration_seconds',
           'How long the check took.')(stamp.seconds)
    _gauge(registry, 'build_info', 'The version of rbd-mon-fix.',
           'version')(1, stamp.version)
    written: bytes = prometheus_client.generate_latest(registry)
    return written


class _Hosts:
    """The gauges with a label for the compute host."""

    def __init__(self, registry: prometheus_client.CollectorRegistry):
        def gauge(name: str, text: str, *labels: str) -> Series:
            return _gauge(registry, name, text, 'compute_host', *labels)

        self._copies = gauge(
            'copies', 'Copies of monitor addresses, one for each disk of each '
            'record.', 'cluster', 'store', 'state')
        self._servers = gauge('servers', 'Servers on the host.')
        self._failing = gauge(
            'servers_failing', 'Servers on which an operation would fail.',
            'operation')
        self._lost = gauge(
            'servers_lost_on_power_failure',
            'Servers that would not come back after a power failure.')
        self._left_alone = gauge(
            'copies_left_alone',
            'Copies that are not current and that refresh leaves alone.',
            'reason')
        self._guests = gauge(
            'guests', 'Running guests, by their connection to the monitors. '
            'Only of the host that made the check.', 'state')
        self._findings = gauge(
            'findings', 'Problems that a person must look after.', 'kind')
        self._reached = gauge(
            'host_reached', 'Whether the check reached the host.')

    def add(self, health: Health) -> None:
        """Add all hosts; one that was not reached has no other metrics."""
        for name, host in health.hosts.items():
            self._reached(1, name)
            self._add(name, host)
        for name in health.unreached:
            self._reached(0, name)

    def _add(self, name: str, host: HostHealth) -> None:
        for cluster, store in sorted({key[:2] for key in host.copies}):
            for state in State:
                self._copies(host.copies[cluster, store, state], name,
                             cluster, store, state.value)
        self._servers(host.servers.servers, name)
        for operation in Operation:
            self._failing(host.summary.found[operation], name,
                          operation.value)
        self._lost(host.servers.lost, name)
        for reason in SkipReason:
            self._left_alone(host.summary.skipped[reason], name, reason.value)
        if host.guests is not None:
            for guest in GuestState:
                self._guests(host.guests[guest], name, guest.value)
        for kind in FindingKind:
            self._findings(host.findings[kind], name, kind.value)


def _monitors(registry: prometheus_client.CollectorRegistry,
              health: Health) -> None:
    gauge = _gauge(registry, 'monitors', 'The right monitors of a cluster, '
                   'by whether they answer.', 'cluster', 'answers')
    for cluster in health.clusters:
        found = [clusters.answers(monitor, health.answering)
                 for monitor in cluster.monmap.monitors]
        for answer in ANSWERS:
            gauge(found.count(answer), cluster.name, answer)


def _gauge(registry: prometheus_client.CollectorRegistry, name: str,
           text: str, *labels: str) -> Series:
    """Add a gauge, and return a function that sets one of its series."""
    import prometheus_client
    gauge: Any = prometheus_client.Gauge(
        f'rbd_mon_fix_{name}', text, labels, registry=registry)

    def series(value: float, *values: str) -> None:
        (gauge.labels(*values) if labels else gauge).set(value)

    return series
