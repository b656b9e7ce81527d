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

"""Suspend servers of a throwaway cloud as Nova does, without Ceph.

    python -m tests.functional.suspending ROOT FOLDER < DOCUMENTS

QEMU cannot open rbd images without Ceph. So each domain starts with files in
FOLDER as its disks and stays paused. Libvirt saves the domain; then the
original XML is restored, in the image too. With "dump" instead of FOLDER the
script prints the XML of each image.
"""

from __future__ import annotations

import json
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
from typing import Sequence

import libvirt

from tests.cloud import domains

_AUTH = re.compile(r"\s*<auth .*?</auth>", re.DOTALL)
_SOURCE = re.compile(r"<source protocol='rbd'.*?</source>", re.DOTALL)
_FILE = re.compile(r"<source file='[^']*'( index='\d+')?/>")
_LOG = re.compile(r"\s*<log file='[^']*'[^>]*/>")
_SECURE = libvirt.VIR_DOMAIN_SAVE_IMAGE_XML_SECURE


def suspend(root: pathlib.Path, folder: pathlib.Path,
            documents: Sequence[str]) -> None:
    """Create a managed-save image of each domain.

    :param documents: the XML of the domains
    """
    folder.mkdir(parents=True, exist_ok=True)
    _in_process(root, str(folder), json.dumps(documents))


def dump(root: pathlib.Path) -> dict[str, str]:
    """Return the XML in each image, keyed by the UUID of its domain."""
    return json.loads(_in_process(root, 'dump', ''))


def _in_process(root: pathlib.Path, act: str, text: str) -> str:
    # The path of QEMU's socket may have at most 107 characters.
    with tempfile.TemporaryDirectory() as short:
        link = pathlib.Path(short, 'root')
        link.symlink_to(root)
        return subprocess.run(
            [sys.executable, '-m', 'tests.functional.suspending', str(link),
             act], input=text, cwd=domains.REPOSITORY, check=True, text=True,
            stdout=subprocess.PIPE).stdout


def _suspend(connection: libvirt.virConnect, document: str,
             folder: pathlib.Path) -> None:
    sources = _AUTH.findall(document), _SOURCE.findall(document)
    domain = connection.defineXML(_on_files(document, folder))
    domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
    domain.managedSave(libvirt.VIR_DOMAIN_SAVE_RUNNING)
    domain.managedSaveDefineXML(
        _on_rbd(domain.managedSaveGetXMLDesc(_SECURE), *sources), 0)
    connection.defineXML(document)


def _on_files(document: str, folder: pathlib.Path) -> str:
    def file(match: re.Match[str]) -> str:
        path = folder / f'{len(list(folder.iterdir()))}.img'
        path.write_bytes(bytes(1 << 20))
        return f"<source file='{path}'/>"

    return _SOURCE.sub(file, _AUTH.sub('', _LOG.sub('', document))).replace(
        "<disk type='network'", "<disk type='file'")


def _on_rbd(document: str, auths: list[str], sources: list[str]) -> str:
    pairs = iter([f'{auth}{source}' for auth, source in zip(auths, sources)])
    return _FILE.sub(lambda match: next(pairs), document).replace(
        "<disk type='file'", "<disk type='network'")


def main(root: str, act: str) -> None:
    """Run ``suspend`` or ``dump`` in this process."""
    libvirt.virEventRegisterDefaultImpl()
    threading.Thread(target=_run_events, daemon=True).start()
    connection = libvirt.open(f'qemu:///embed?root={root}')
    if act == 'dump':
        json.dump({domain.UUIDString(): domain.managedSaveGetXMLDesc(_SECURE)
                   for domain in connection.listAllDomains(
                       libvirt.VIR_CONNECT_LIST_DOMAINS_MANAGEDSAVE)},
                  sys.stdout)
    else:
        for document in json.load(sys.stdin):
            _suspend(connection, document, pathlib.Path(act))
    connection.close()


def _run_events() -> None:
    while True:
        libvirt.virEventRunDefaultImpl()


if __name__ == '__main__':
    main(*sys.argv[1:])
