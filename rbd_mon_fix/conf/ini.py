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

import contextlib
import itertools
import re
from typing import (
    Any,
    Collection,
    Iterable,
    Iterator,
    Mapping,
    Optional,
    Sequence,
)

from oslo_config import cfg

from rbd_mon_fix import exceptions

# The names that a $ reference can have, less those that start with '_',
# which oslo.config refuses for options (cfg.ConfigOpts.Template, cfg.Opt).
_REFERABLE = re.compile('[A-Za-z][A-Za-z0-9_]*')


class _Conf(cfg.ConfigOpts):
    """A config whose references may be followed by a dot.

    In ``/etc/ceph/$name.conf`` oslo.config sees option conf of group name,
    and raises if there is no such group. The config of a service that does
    not run that way has but one other meaning.
    """

    class StrSubWrapper(cfg.ConfigOpts.StrSubWrapper):
        """The values of references."""

        def __getitem__(self, key: str) -> Any:
            """Return the value of an option, or of that before the dot."""
            try:
                return super().__getitem__(key)
            except (cfg.NoSuchOptError, cfg.NoSuchGroupError):
                name, dot, rest = key.partition('.')
                if not dot:
                    raise
                return f'{super().__getitem__(name)}.{rest}'


def read(paths: Sequence[str], service: str,
         opts: Sequence[tuple[Optional[str], cfg.Opt]]) -> cfg.ConfigOpts:
    """Read config files, so that $ references resolve as for the service.

    oslo.config looks a reference up in the option's own group, then in
    [DEFAULT]. The service has registered all its options; here, each option
    of the files is registered in addition to those that are requested.

    :param paths: the files; later ones override earlier ones
    :param service: ``nova`` or ``cinder``
    :param opts: group (None for DEFAULT) and definition of each option
    :raises ConfigError: a file is missing, unreadable or malformed; the
        message never quotes the file, which holds passwords
    """
    conf = _Conf()
    for group, opt in opts:
        conf.register_opt(opt, group=group)
    with _readable(service):
        conf([], project=service, default_config_files=list(paths),
             default_config_dirs=[], use_env=False)
        for group, name in _others(
                paths, {group for group, _ in opts if group},
                {opt.dest for group, opt in opts if not group}):
            _register(conf, group, name)
    return conf


def assigned(path: str) -> dict[str, dict[str, list[str]]]:
    """Return what a file assigns, by section and option.

    :raises: what reading and parsing a file raises
    """
    sections: dict[str, dict[str, list[str]]] = {}
    cfg.ConfigParser(path, sections).parse()
    return sections


def names(opts: Iterable[cfg.Opt]) -> frozenset[str]:
    """Return the names that a file may give options, old ones included."""
    return frozenset(name for opt in opts for name in (
        opt.dest, *(old.name for old in opt.deprecated_opts)) if name)


def _others(paths: Sequence[str], groups: Collection[str],
            own: Collection[str]) -> Iterator[tuple[Optional[str], str]]:
    """Yield group and name of each option of the files.

    oslo.config ignores the case of sections, but not that of groups.

    :param groups: those that were requested
    :param own: options of [DEFAULT] that were requested; oslo.config would
        return a group of that name instead
    """
    for path in paths:
        for section, options in assigned(path).items():
            found: list[Optional[str]] = [
                group for group in groups if group.lower() == section.lower()]
            if section == 'DEFAULT':
                found = [None]
            elif not found and section.lower() not in own:
                found = [section.lower()]
            yield from itertools.product(found, options)


def _register(conf: cfg.ConfigOpts, group: Optional[str], name: str) -> None:
    """Register an option for references, unless there is one already."""
    if _REFERABLE.fullmatch(name):
        # oslo.config reserves some names for its own attributes.
        with contextlib.suppress(cfg.DuplicateOptError, ValueError):
            conf.register_opt(cfg.StrOpt(name), group=group)


@contextlib.contextmanager
def _readable(service: str) -> Iterator[None]:
    """Tell what is wrong with the files of a service."""
    hint = f'Name the right files with --{service}-config-file.'
    try:
        yield
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
    except IsADirectoryError as e:
        raise exceptions.ConfigError(
            f'The config file {e.filename} cannot be read: it is a folder.',
            f'Name folders with --{service}-config-dir.') from None
    except (OSError, UnicodeDecodeError) as e:
        raise exceptions.ConfigError(
            f'The config files of {service} cannot be read: '
            f'{type(e).__name__}.', hint) from None


def value(conf: cfg.ConfigOpts, name: str,
          group: Optional[str] = None) -> Optional[str]:
    """Return the value of a string option; None if it is not set.

    :raises ConfigError: the value is malformed, or has a $ reference that
        does not resolve
    """
    found: Optional[str] = _value(conf, name, group)
    return found


def values(conf: cfg.ConfigOpts, name: str) -> Sequence[str]:
    """Return the value of a list option in [DEFAULT]; empty if not set.

    :raises ConfigError: as ``value``
    """
    found: Optional[Sequence[str]] = _value(conf, name, None)
    return found or ()


def mappings(conf: cfg.ConfigOpts, name: str, group: Optional[str] = None
             ) -> Optional[Sequence[Mapping[str, str]]]:
    """Return the values of a repeatable option of keys; None if not set.

    :raises ConfigError: as ``value``
    """
    found: Optional[Sequence[Mapping[str, str]]] = _value(conf, name, group)
    return found


def stated(conf: cfg.ConfigOpts, name: str) -> Optional[str]:
    """Return an option of [DEFAULT]; None where only its default holds.

    :raises ConfigError: as ``value``
    """
    found = value(conf, name)
    location = conf.get_location(name)
    given = location and location.location is cfg.Locations.user
    return found if given else None


def invalid(conf: cfg.ConfigOpts, name: str, group: Optional[str],
            hint: str) -> exceptions.ConfigError:
    """Return the error of an option, whose value it does not show."""
    return exceptions.ConfigError(
        f'Invalid value of option {name} in [{group or "DEFAULT"}] of '
        f'{", ".join(conf.default_config_files)}.', hint)


def _value(conf: cfg.ConfigOpts, name: str, group: Optional[str]) -> Any:
    try:
        return conf[group][name] if group else conf[name]
    except (cfg.Error, ValueError, RecursionError):
        raise invalid(
            conf, name, group, 'Write the value in full, without $ '
            'references; $$ stands for a $.') from None


def _names(error: Any) -> str:
    return ', '.join(error.config_files)


def _line_of(error: cfg.ConfigFileParseError) -> str:
    match = re.search(r'at (?:line |\S*:)(\d+)', str(error.msg))
    return f' at line {match.group(1)}' if match else ''
