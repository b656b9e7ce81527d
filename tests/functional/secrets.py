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

"""Store a cephx key in a root of libvirt's embedded drivers.

Only one process at a time can hold a root, so a separate process stores the
key.
"""

from __future__ import annotations

import base64
import pathlib
import subprocess
import sys
import threading

import libvirt

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]


def define(root: pathlib.Path, uuid: str, key: str,
           private: str = 'no') -> None:
    """Define a secret.

    :param key: base64; '' for a secret without a value
    :param private: 'yes' for a secret whose value libvirt never returns
    """
    define_xml(root, f"<secret ephemeral='no' private='{private}'>"
               f"<uuid>{uuid}</uuid><usage type='ceph'><name>{uuid}</name>"
               '</usage></secret>', key)


def define_xml(root: pathlib.Path, xml: str, key: str) -> None:
    """Define a secret by its XML."""
    subprocess.run(
        [sys.executable, '-m', 'tests.functional.secrets', str(root), xml],
        input=key, cwd=REPOSITORY, check=True, text=True)


def main(root: str, xml: str) -> None:
    """Run ``define_xml`` in this process."""
    libvirt.virEventRegisterDefaultImpl()
    threading.Thread(target=_run_events, daemon=True).start()
    connection = libvirt.open(f'secret:///embed?root={root}')
    secret = connection.secretDefineXML(xml)
    key = sys.stdin.read()
    if key:
        secret.setValue(base64.b64decode(key))
    connection.close()


def _run_events() -> None:
    while True:
        libvirt.virEventRunDefaultImpl()


if __name__ == '__main__':
    main(*sys.argv[1:])
