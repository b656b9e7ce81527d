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

"""How a start on this host opens a disk: its user, mounts and ceph.conf."""

from __future__ import annotations

import dataclasses
import logging
import os
import pwd
import shutil
from typing import Optional, Sequence

from rbd_mon_fix import exceptions
from rbd_mon_fix.ceph import start_conf
from rbd_mon_fix.engine import context as contexts
from rbd_mon_fix.engine import qemu_on_host
from rbd_mon_fix.model.disk import RbdDisk
from rbd_mon_fix.qemu import open_check
from rbd_mon_fix.qemu import qemu_user

LOG = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Opener:
    """As what disks are opened.

    :param user: the name of the user
    :param daemon: process ID of the libvirt daemon whose mounts are used;
        None for those of this process
    :param conf: the ceph.conf whose settings are used; None for none
    :param note: why not QEMU's user, and why no ceph.conf; '' if neither
    """

    user: str
    daemon: Optional[int] = None
    conf: Optional[str] = None
    note: str = ''


class StartOpening:
    """Opens disks as libvirt would on this host, as far as possible.

    :param by: the user and the mounts of QEMU
    :param note: why ``by`` is not the user of QEMU on this host, or ''
    """

    def __init__(self, by: qemu_user.QemuUser, note: str = ''):
        self._by = by
        self._note = note
        self._texts: dict[str, str] = {}
        try:
            text, why = self._text(qemu_on_host.CONF), ''
            start_conf.without_monitors(text, None)
        except exceptions.ConfigError as error:
            text, why = '', error.message
        except ValueError as error:
            text, why = '', (f'{qemu_on_host.CONF} is malformed, so QEMU '
                             f'ignores it: {error}.')
        self._texts[qemu_on_host.CONF] = text
        self._why = why

    @property
    def opener(self) -> Opener:
        """Return as what disks are opened."""
        uid = self._by.ids[0] if self._by.ids else os.geteuid()
        try:
            user = pwd.getpwuid(uid).pw_name
        except KeyError:
            user = str(uid)
        return Opener(user, self._by.daemon,
                      None if self._why else qemu_on_host.CONF,
                      ' '.join(filter(None, (self._note, self._why))))

    def case(self, bare: open_check.Case,
             own_conf: Optional[str]) -> open_check.Case:
        """Return how a start opens an image.

        QEMU ignores a default ceph.conf that it cannot read or parse, but
        not one that the disk names (``qemu_rbd_connect`` in block/rbd.c).

        :param bare: the image without user, mounts and settings
        :param own_conf: the ceph.conf that the disk names
        :raises ConfigError: QEMU cannot read that file
        """
        text = self._text(own_conf or qemu_on_host.CONF)
        as_qemu = dataclasses.replace(
            bare, by=None if self._by == qemu_user.QemuUser() else self._by)
        if not text:
            return dataclasses.replace(as_qemu, settings='')
        try:
            return dataclasses.replace(
                as_qemu,
                settings=start_conf.without_monitors(text, bare.user))
        except ValueError:  # let QEMU tell
            return dataclasses.replace(as_qemu, conf=text)

    def _text(self, path: str) -> str:
        if path not in self._texts:
            self._texts[path] = qemu_user.read(self._by, path)
        return self._texts[path]


class LazyOpening:
    """The opening of disks on a host, found out when a disk is opened.

    :param hosts: this machine, by its names in Nova
    """

    def __init__(self, context: contexts.Context, hosts: Sequence[str]):
        self._context = context
        self._hosts = hosts
        self._opening: Optional[StartOpening] = None

    @property
    def opener(self) -> Optional[Opener]:
        """Return as what disks were opened; None if none was."""
        return self._opening.opener if self._opening else None

    def attempt(self, bare: open_check.Attempt,
                disk: RbdDisk) -> open_check.Attempt:
        """Return how a start opens a disk, or why it cannot.

        :param bare: the disk without user, mounts and settings
        """
        if not isinstance(bare, open_check.Case):
            return bare
        if self._opening is None:
            self._opening = of_host(self._context, self._hosts[0])
        try:
            return self._opening.case(bare, disk.own_conf)
        except exceptions.ConfigError as error:
            return open_check.Proof(False, error.message, 0.0)


def of_host(context: contexts.Context, host: str) -> StartOpening:
    """Return how a start opens disks on this host.

    :param host: this machine, as Nova names it
    """
    try:
        for program in qemu_user.PROGRAMS:
            if shutil.which(program) is None:
                raise exceptions.ConfigError(f'There is no {program} here.')
        by = qemu_on_host.user(context, host)
        if not qemu_user.has_qemu_img(by):
            raise exceptions.ConfigError(
                'There is no qemu-img where libvirt runs QEMU.')
        return StartOpening(by)
    except (exceptions.ConfigError, exceptions.Unreachable) as error:
        LOG.debug('Opening disks as this process: %s', error.message)
        return StartOpening(qemu_user.QemuUser(), error.message)
