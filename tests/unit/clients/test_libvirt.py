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

"""The door to libvirt, where no libvirt is needed to try it."""

from __future__ import annotations

import subprocess
import sys

WITHOUT_MODULE = '''
import sys
sys.modules['libvirt'] = None
from rbd_mon_fix.clients import libvirt
from rbd_mon_fix import exceptions
try:
    libvirt.connect('qemu:///system')
except exceptions.ConfigError as error:
    print(error.message, error.hint, sep='\\n')
'''


def test_without_libvirts_module():
    ran = subprocess.run([sys.executable, '-c', WITHOUT_MODULE], check=True,
                         text=True, capture_output=True, timeout=60)
    message, hint = ran.stdout.splitlines()
    assert message.startswith("Python cannot load libvirt's module:")
    assert 'python3-libvirt' in hint
    assert ran.stderr == ''
