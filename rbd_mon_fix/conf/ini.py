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

"""Reader for the config files of other services.

Nova and Cinder share option names, so each has its own ConfigOpts. The
environment is not read: ``OS_DATABASE__CONNECTION`` would apply to both.
"""

from __future__ import annotations

import contextlib
import glob
import itertools
import os
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

# The names allowed in a $ reference (cfg.ConfigOpts.Template), except those
# that start with '_', which oslo.config refuses for options (cfg.Opt).
_REFERABLE = re.compile('[A-Za-z][A-Za-z0-9_]*')


class _Conf(cfg.ConfigOpts):
    """A config that allows a dot after a reference.

    oslo.config reads ``$name.conf`` in ``/etc/ceph/$name.conf`` as option
    conf of group name, and raises if there is no such group. The only other
    meaning is option name, followed by the text ``.conf``.
    """

    class StrSubWrapper(cfg.ConfigOpts.StrSubWrapper):
        """The values of references."""

        def __getitem__(self, key: str) -> Any:
            """Return the value of an option, or of the name before the dot."""
            try:
                return super().__getitem__(key)
            except (cfg.NoSuchOptError, cfg.NoSuchGroupError):
                name, dot, rest = key.partition('.')
                if not dot:
                    raise
                return f'{super().__getitem__(name)}.{rest}'


def read(paths: Sequence[str], service: str,
         opts: Sequence[tuple[Optional[str], cfg.Opt]]) -> cfg.ConfigOpts:
    """Read config files, resolving $ references as the service does.

    oslo.config looks up a reference in the option's own group, then in
    [DEFAULT]. The service registers all its options; this function registers
    each option in the files, in addition to the requested options.

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
    """Return the assignments in a file, by section and option.

    :raises: any error of reading and parsing a file
    """
    sections: dict[str, dict[str, list[str]]] = {}
    cfg.ConfigParser(path, sections).parse()
    return sections


def own_files(files: Iterable[str], folders: Iterable[str]) -> list[str]:
    """Return files, then the files of folders, as oslo.config finds them."""
    return [*map(os.path.expanduser, files),
            *(path for folder in map(os.path.expanduser, folders)
              for path in sorted(glob.glob(os.path.join(folder, '*.conf'))))]


def names(opts: Iterable[cfg.Opt]) -> frozenset[str]:
    """Return the names of options in a file, including deprecated names."""
    return frozenset(name for opt in opts for name in (
        opt.dest, *(old.name for old in opt.deprecated_opts)) if name)


def _others(paths: Sequence[str], groups: Collection[str],
            own: Collection[str]) -> Iterator[tuple[Optional[str], str]]:
    """Yield the group and name of each option in the files.

    oslo.config ignores the case of sections, but not that of groups.

    :param groups: the requested groups
    :param own: the requested options of [DEFAULT]; oslo.config would return
        a group of the same name instead
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
    """Register an option for references, unless already registered."""
    if _REFERABLE.fullmatch(name):
        # oslo.config reserves some names for its own attributes.
        with contextlib.suppress(cfg.DuplicateOptError, ValueError):
            conf.register_opt(cfg.StrOpt(name), group=group)


@contextlib.contextmanager
def _readable(service: str) -> Iterator[None]:
    """Raise ConfigError for errors in reading the files of a service."""
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
    except OSError as e:
        raise exceptions.ConfigError(
            f'The config file {e.filename or "of " + service} cannot be '
            f'read: {e.strerror}.', hint) from None
    except UnicodeDecodeError as e:
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
    """Return the mappings of a repeatable option; None if not set.

    :raises ConfigError: as ``value``
    """
    found: Optional[Sequence[Mapping[str, str]]] = _value(conf, name, group)
    return found


def stated(conf: cfg.ConfigOpts, name: str) -> Optional[str]:
    """Return an option of [DEFAULT]; None if the files do not set it.

    :raises ConfigError: as ``value``
    """
    found = value(conf, name)
    location = conf.get_location(name)
    given = location and location.location is cfg.Locations.user
    return found if given else None


def invalid(conf: cfg.ConfigOpts, name: str, group: Optional[str],
            hint: str) -> exceptions.ConfigError:
    """Return the error for an invalid option, without its value.

    It names the last file that sets the option, or all if none does.
    """
    section = (group or 'DEFAULT').lower()
    setting = [path for path in conf.default_config_files
               for each, settings in assigned(path).items()
               if each.lower() == section and name in settings]
    return exceptions.ConfigError(
        f'Invalid value of option {name} in [{group or "DEFAULT"}] of '
        f'{", ".join(setting[-1:] or conf.default_config_files)}.', hint)


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
