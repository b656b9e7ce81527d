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

"""Log lines that no text of a user can forge."""

from __future__ import annotations

import logging

from rbd_mon_fix.report import encoding


class Printable(logging.Filter):
    """Escapes what is not printable in a message; drops no message.

    Messages of libvirt, QEMU and databases quote names that users choose.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Replace the message of a record."""
        record.msg = encoding.printable(record.getMessage())
        record.args = ()
        return True


def escape(logger: logging.Logger) -> None:
    """Escape the messages of all handlers of a logger."""
    for handler in logger.handlers:
        handler.addFilter(Printable())
