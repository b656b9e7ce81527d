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

"""List options whose command-line values replace those in files."""

from __future__ import annotations

import argparse
from typing import Any, Iterable, Optional, Sequence, Union

from oslo_config import cfg


class FlagListOpt(cfg.MultiStrOpt):
    """A list of strings; command-line values replace those in files.

    oslo.config adds values of flags to those in files, so the command line
    could not remove a value.
    """

    def _get_argparse_kwargs(self, group: Optional[cfg.OptGroup],
                             **kwargs: Any) -> dict[str, Any]:
        found: dict[str, Any] = super()._get_argparse_kwargs(group, **kwargs)
        found['action'] = _Collect
        return found


class _Given(list[str]):
    """Values of flags, which oslo.config extends by those of a later file.

    oslo.config reads ``--config-file`` at its position among the flags
    (_parse_cli_opts_from_config_file in oslo_config/cfg.py).
    """

    def extend(self, values: Iterable[str]) -> None:
        """Ignore the values of a file."""


class _Collect(argparse.Action):
    """Append only to the values of earlier flags."""

    def __call__(self, parser: argparse.ArgumentParser,
                 namespace: argparse.Namespace,
                 values: Union[str, Sequence[Any], None],
                 option_string: Optional[str] = None) -> None:
        given = getattr(namespace, self.dest, None)
        if not isinstance(given, _Given):
            given = _Given()
            setattr(namespace, self.dest, given)
        given.append(str(values))
