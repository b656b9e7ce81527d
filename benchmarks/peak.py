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

"""Run a command and print its peak memory, in KiB.

    python benchmarks/peak.py FILE COMMAND...

The kernel counts the parent's memory at the time of the start as the
child's own. This script holds next to no memory, so it starts the command on
behalf of the benchmark.
"""

from __future__ import annotations

import resource
import subprocess
import sys

file, *command = sys.argv[1:]
code = subprocess.call(command)
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
with open(file, 'w') as stream:
    stream.write(str(usage.ru_maxrss))
sys.exit(code)
