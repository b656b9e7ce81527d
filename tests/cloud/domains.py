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

"""Domains in libvirt's QEMU driver, embedded in the process.

Only one process at a time can hold a root of the driver, and the process
holds the root until it ends. Therefore a separate process defines the
domains.
"""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import threading
from typing import Sequence

import libvirt

# Libvirt probes QEMU as the current user. By default, root probes as another
# user; if only one of them sees KVM, libvirt would take the difference for a
# change of the host and probe QEMU again at every define. Without
# security_default_confined libvirt warns at each start that guests are not
# confined; without stdio_handler a guest needs a virtlogd to run.
QEMU_CONF = '''\
user = "+{user}"
group = "+{group}"
security_driver = "none"
security_default_confined = 0
stdio_handler = "file"
'''
REPOSITORY = pathlib.Path(__file__).resolve().parents[2]


def define(root: pathlib.Path, documents: Sequence[str]) -> None:
    """Define domains in a root of the embedded driver; create a missing root.

    :param documents: their XML
    :raises subprocess.CalledProcessError: libvirt rejected one
    """
    config = root / 'etc' / 'qemu.conf'
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(QEMU_CONF.format(user=os.getuid(),
                                       group=os.getgid()))
    _in_process('define', root, json.dumps(documents))


def dump(root: pathlib.Path) -> dict[str, str]:
    """Return the persistent XML, secrets included, of each domain's UUID."""
    return json.loads(_in_process('dump', root, ''))


def _in_process(act: str, root: pathlib.Path, text: str) -> str:
    return subprocess.run(
        [sys.executable, '-m', 'tests.cloud.domains', act, str(root)],
        input=text, cwd=REPOSITORY, check=True, stdout=subprocess.PIPE,
        text=True).stdout


def main(act: str, root: str) -> None:
    """Run ``define`` or ``dump`` in this process."""
    libvirt.virEventRegisterDefaultImpl()
    threading.Thread(target=_run_events, daemon=True).start()
    connection = libvirt.open(f'qemu:///embed?root={root}')
    if act == 'define':
        for document in json.load(sys.stdin):
            connection.defineXML(document)
    else:
        flags = libvirt.VIR_DOMAIN_XML_INACTIVE | libvirt.VIR_DOMAIN_XML_SECURE
        json.dump({domain.UUIDString(): domain.XMLDesc(flags)
                   for domain in connection.listAllDomains()}, sys.stdout)
    connection.close()


def _run_events() -> None:
    while True:
        libvirt.virEventRunDefaultImpl()


if __name__ == '__main__':
    main(*sys.argv[1:])
