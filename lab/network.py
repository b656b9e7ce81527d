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

"""The addresses of the lab, from the networks for documentation (RFC 5737)."""

from __future__ import annotations

# The loopback device of the lab's first host has all addresses of this
# network, so that each monitor can have one that every host reaches.
NETWORK = '192.0.2.0/24'
HOSTNAME = 'lab'
ADDRESS = '192.0.2.1'
# A second host, and the first host's end of the cable between the two.
SECOND_HOSTNAME = 'lab2'
SECOND_ADDRESS = '198.51.100.2'
CABLE_ADDRESS = '198.51.100.1'
HOSTS = f'''\
127.0.0.1 localhost
::1 localhost ip6-localhost
{ADDRESS} {HOSTNAME}
{SECOND_ADDRESS} {SECOND_HOSTNAME}
'''


def monitors(*numbers: int) -> tuple[str, ...]:
    """Return addresses for monitors.

    :param numbers: the last number of each address
    """
    return tuple(f'192.0.2.{number}' for number in numbers)
