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

"""The config files of other services.

Nova and Cinder share option names, so each has a ConfigOpts of its own. The
environment is not read: ``OS_DATABASE__CONNECTION`` would apply to both.
"""

from __future__ import annotations

import re
from typing import Any, Optional, Sequence

from oslo_config import cfg

from rbd_mon_fix import exceptions


def read(paths: Sequence[str], service: str,
         opts: Sequence[tuple[Optional[str], cfg.Opt]]) -> cfg.ConfigOpts:
    """Read config files; options that are not requested are ignored.

    :param paths: the files; later ones override earlier ones
    :param service: ``nova`` or ``cinder``
    :param opts: group (None for DEFAULT) and definition of each option
    :raises ConfigError: a file is missing, unreadable or malformed; the
        message never quotes the file, which holds passwords
    """
    conf = cfg.ConfigOpts()
    for group, opt in opts:
        conf.register_opt(opt, group=group)
    hint = f'Name the right files with --{service}-config-file.'
    try:
        conf([], project=service, default_config_files=list(paths),
             default_config_dirs=[], use_env=False)
    except cfg.ConfigFilesNotFoundError as e:
        raise exceptions.ConfigError(
            f'The config file {_names(e)} does not exist.', hint) from e
    except cfg.ConfigFilesPermissionDeniedError as e:
        raise exceptions.ConfigError(
            f'The config file {_names(e)} cannot be read.',
            f'Run as root, or as a user who may read it. {hint}') from e
    except cfg.ConfigFileParseError as e:
        raise exceptions.ConfigError(
            f'The config file {e.config_file} cannot be parsed'
            f'{_line_of(e)}.', 'Correct the syntax there.') from None
    except (OSError, UnicodeDecodeError) as e:
        raise exceptions.ConfigError(
            f'The config files of {service} cannot be read: '
            f'{type(e).__name__}.', hint) from None
    return conf


def value(conf: cfg.ConfigOpts, name: str,
          group: Optional[str] = None) -> Optional[str]:
    """Return the value of a string option; None if it is not set.

    :raises ConfigError: the value is malformed, or refers to an option that
        was not requested
    """
    found: Optional[str] = _value(conf, name, group)
    return found


def values(conf: cfg.ConfigOpts, name: str) -> Sequence[str]:
    """Return the value of a list option in [DEFAULT]; empty if not set.

    :raises ConfigError: as ``value``
    """
    found: Optional[Sequence[str]] = _value(conf, name, None)
    return found or ()


def _value(conf: cfg.ConfigOpts, name: str, group: Optional[str]) -> Any:
    try:
        return conf[group][name] if group else conf[name]
    except (cfg.Error, ValueError):
        raise exceptions.ConfigError(
            f'Invalid value of option {name} in [{group or "DEFAULT"}] of '
            f'{", ".join(conf.default_config_files)}.',
            'Write the value in full, without $ references.') from None


def _names(error: Any) -> str:
    return ', '.join(error.config_files)


def _line_of(error: cfg.ConfigFileParseError) -> str:
    match = re.search(r'at (?:line |\S*:)(\d+)', str(error.msg))
    return f' at line {match.group(1)}' if match else ''
