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

"""How long the command takes to print its help."""

from __future__ import annotations

from typing import Iterator

from benchmarks import processes
from benchmarks.figures import Figure

BOUND = 1.3
IMPORTS = 'import oslo_config.cfg, oslo_log.log'


def figures(rounds: int) -> Iterator[Figure]:
    """Measure ``--help`` against the imports that it needs in any case."""
    yield processes.compare(
        '--help / import of oslo.config and oslo.log', BOUND, rounds,
        lambda: processes.seconds(processes.ours('--help')),
        lambda: processes.seconds(processes.python('-c', IMPORTS)))
