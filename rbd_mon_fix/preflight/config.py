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

"""Checks of config files: whether they are readable, and their content."""

from __future__ import annotations

import functools
from typing import Callable, Iterator, Sequence

from rbd_mon_fix import exceptions
from rbd_mon_fix.ceph import backends as ceph_backends
from rbd_mon_fix.ceph import conf as ceph_conf
from rbd_mon_fix.ceph import monitors_file
from rbd_mon_fix.conf import files
from rbd_mon_fix.engine import context as contexts
from rbd_mon_fix.preflight import check as checking
from rbd_mon_fix.preflight.check import Check
from rbd_mon_fix.preflight.check import Works


def checks(context: contexts.Context) -> Iterator[Check]:
    """Yield a line for each config file."""
    yield _service('nova.conf', lambda: _nova(context))
    yield from _left_out(files.NOVA, lambda: context.nova_files)
    yield _service('cinder.conf', lambda: _cinder(context))
    yield from _left_out(files.CINDER, lambda: context.cinder_files)
    found = {each.path: each for each in ceph_sites(context)}
    for path, ceph in found.items():
        yield checking.tried('config', path, functools.partial(_ceph, ceph))
    given = context.monitors_file
    if given is not None:
        yield checking.tried('config', given.name, lambda: _monitors(given))


def ceph_sites(
        context: contexts.Context) -> tuple[ceph_backends.ClusterConf, ...]:
    """Return the Ceph configs that the readable config files name."""
    try:
        return ceph_backends.cluster_confs(
            context.nova, context.cinder, context.plain())
    except checking.FAILURES:
        return ()


def _service(name: str, act: Callable[[], str]) -> Check:
    found = checking.tried('config', name, act)
    if found.works is Works.YES and not found.finding:
        return checking.not_asked('config', name,
                                  'There is no such file here.')
    return found


def _nova(context: contexts.Context) -> str:
    nova = context.nova
    if nova is None:
        return ''
    own = 'are in RBD' if nova.images_type == 'rbd' else 'are not in RBD'
    return (f"Readable: {', '.join(context.nova_files)}; Nova's own disks "
            f'{own}.')


def _cinder(context: contexts.Context) -> str:
    cinder = context.cinder
    if cinder is None:
        return ''
    names = ', '.join(backend.name or '[DEFAULT]'
                      for backend in cinder.backends)
    if not names:
        raise exceptions.ConfigError(
            'No backend uses the RBD driver.',
            'Name the cinder.conf of cinder-volume with '
            '--cinder-config-file.')
    return (f"Readable: {', '.join(context.cinder_files)}; backends with "
            f'RBD: {names}.')


def _left_out(program: files.Program,
              read: Callable[[], Sequence[str]]) -> Iterator[Check]:
    """Yield a line if neighbours of the files read were not read."""
    subject = f'more files of {program.project}'
    try:
        found = read()
    except checking.FAILURES:
        return  # the service has its own line
    looked = checking.tried('config', subject, lambda: ', '.join(
        files.left_out(program, found)))
    if looked.works is Works.NO:
        yield looked
    elif looked.finding:
        yield checking.not_asked(
            'config', subject,
            f'Not read: {looked.finding}. If {program.name} reads them, '
            f'name them with --{program.project}-config-file or '
            f'--{program.project}-config-dir.')


def _ceph(ceph: ceph_backends.ClusterConf) -> str:
    conf = ceph_conf.load(ceph.path, ceph.cluster_name,
                          ceph.sections[0].user)
    addrs = ' '.join(map(str, conf.monmap().addrs))
    fsid = f'fsid {conf.fsid}' if conf.fsid else 'no fsid'
    return f'The file has {fsid} and names {addrs}.'


def _monitors(given: monitors_file.MonitorsFile) -> str:
    names = ', '.join(cluster.name for cluster in given.clusters())
    return f'Readable; clusters: {names}.'
