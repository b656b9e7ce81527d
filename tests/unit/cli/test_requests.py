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

"""Requests from the arguments of commands."""

from __future__ import annotations

from rbd_mon_fix import engine
from rbd_mon_fix.cli import requests
from tests.unit import memory
from tests.unit import worlds


def test_scan_request(world):
    request = requests.scan_request(world.conf(worlds.command(
        ['b', 'a'], all_hosts=True, instance=[memory.uuid(1)],
        store=['domain'], unmanaged=True, hosts_at_once=3)))
    assert request == engine.ScanRequest(
        ('b', 'a'), True, (memory.uuid(1),), ('domain',), True,
        3)


def test_a_command_for_one_host(world):
    """It has no options for several ones."""
    arguments = worlds.command(['a'])
    del arguments.hosts_at_once
    request = requests.scan_request(world.conf(arguments))
    assert request.parallel == 1
