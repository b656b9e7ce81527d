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

"""The errors that reach the operator, each saying what to do next."""

from __future__ import annotations


class RbdMonFixError(Exception):
    """Base of all errors of ours.

    :param message: one clear sentence: what is wrong
    :param hint: what the operator can do about it
    """

    def __init__(self, message: str, hint: str = ''):
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f'{self.message} {self.hint}'.strip()


class ConfigError(RbdMonFixError):
    """The command line or a config file cannot be used as it is."""


class Refused(RbdMonFixError):
    """A guard refused to go on; nothing was changed."""


class Unreachable(RbdMonFixError):
    """A service (database, libvirt, Nova, Ceph) could not be reached."""


class Unreadable(RbdMonFixError):
    """A document cannot be read, and so must not be written."""


class Conflict(RbdMonFixError):
    """The store no longer holds what was read; nothing was written."""


class Gone(RbdMonFixError):
    """The store holds nothing under that locator."""
