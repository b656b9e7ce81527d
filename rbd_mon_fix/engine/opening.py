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

"""The way into the engine from Python."""

from __future__ import annotations

from typing import Sequence

from rbd_mon_fix.conf import options
from rbd_mon_fix.conf import unknown
from rbd_mon_fix.engine import context as contexts


def open_context(config_files: Sequence[str] = (),
                 **overrides: object) -> contexts.Context:
    """Open a context for use from Python.

    :param config_files: rbd-mon-fix's own files; empty for the defaults
    :param overrides: options by name, such as ``journal_dir``
    :raises ConfigError: a file or an option cannot be used
    """
    conf = options.load(config_files, overrides)
    unknown.warn(conf)
    return contexts.Context(conf)
