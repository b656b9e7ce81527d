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

"""The log lines on a terminal, in files, syslog and journald."""

from __future__ import annotations

import contextlib
import functools
import logging
import sys

from oslo_config import cfg

from rbd_mon_fix.report import encoding

_FORMAT = 'logging_default_format_string'
_SHORT = '%(levelname)s: %(message)s'


class Printable(logging.Filter):
    """Escapes what is not printable in a message; drops no message.

    Messages of libvirt, QEMU and databases quote names that users choose.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Replace the message of a record."""
        record.msg = encoding.printable(record.getMessage())
        record.args = ()
        return True


def set_up(logger: logging.Logger, conf: cfg.ConfigOpts) -> None:
    """Complete the handlers that oslo.log has given to a logger."""
    escape(logger)
    _shorten(logger, conf)
    _survive(logger)


def escape(logger: logging.Logger) -> None:
    """Escape the messages of all handlers of a logger."""
    for handler in logger.handlers:
        handler.addFilter(Printable())


def _shorten(logger: logging.Logger, conf: cfg.ConfigOpts) -> None:
    """Let the standard streams show warnings and errors only, in short.

    Files, syslog and journald get everything from INFO on, with the time.
    ``--debug`` and a log config of the operator change this.
    """
    if conf.debug or conf.log_config_append:
        return
    place = conf.get_location(_FORMAT)
    own_format = place is not None and place.location.is_user_controlled
    for handler in logger.handlers:
        if getattr(handler, 'stream', None) not in (sys.stdout, sys.stderr):
            continue
        handler.setLevel(logging.WARNING)
        if not (own_format or conf.use_json):
            handler.setFormatter(logging.Formatter(_SHORT))
            # Up to oslo.log 5.1, ColorHandler.format ends each line with the
            # code that resets colours, even in a file.
            handler.format = functools.partial(  # type: ignore[method-assign]
                logging.Handler.format, handler)


def _survive(logger: logging.Logger) -> None:
    """Say once, in one line, that the log cannot be written.

    The logging module would print a traceback for each line of the log.
    """
    told: list[logging.LogRecord] = []

    def tell(record: logging.LogRecord) -> None:
        error = sys.exc_info()[1]
        reason = getattr(error, 'strerror', None) or type(error).__name__
        if not told:
            told.append(record)
            with contextlib.suppress(OSError):
                sys.stderr.write(
                    f'rbd-mon-fix: Cannot write the log: {reason}.\n')

    for handler in logger.handlers:
        handler.handleError = tell  # type: ignore[method-assign]
