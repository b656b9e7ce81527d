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

"""Requests to the engine in the arguments of a command."""

from __future__ import annotations

from typing import Any

from oslo_config import cfg

from rbd_mon_fix import engine


def scan_request(conf: cfg.ConfigOpts) -> engine.ScanRequest:
    """Return the scan request in the arguments of a command."""
    command: Any = conf.command
    return engine.ScanRequest(
        tuple(command.host), command.all_hosts, tuple(command.instance),
        tuple(command.store), command.unmanaged,
        getattr(command, 'hosts_at_once', 1))
