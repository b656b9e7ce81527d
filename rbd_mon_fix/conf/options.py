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

"""The options of rbd-mon-fix itself."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from oslo_config import cfg

from rbd_mon_fix import exceptions

NOVA_CONF = '/etc/nova/nova.conf'
CINDER_CONF = '/etc/cinder/cinder.conf'

OPTS = [
    cfg.MultiStrOpt(
        'nova-config-file', default=[NOVA_CONF], metavar='FILE',
        help='A nova.conf. May be given several times, the later ones '
             'count. Only the default file may be missing; an empty name '
             'means that there is none.'),
    cfg.MultiStrOpt(
        'cinder-config-file', default=[CINDER_CONF], metavar='FILE',
        help='A cinder.conf, likewise.'),
    cfg.StrOpt(
        'libvirt-uri', metavar='URI',
        help="Where libvirt is; {host} stands for the compute host's name. "
             'Default: connection_uri of nova.conf, else qemu:///system.'),
    cfg.StrOpt(
        'monitors-file', metavar='FILE',
        help="The right monitors, as 'rbd-mon-fix monitors -f json' prints "
             'them where Ceph and the config files are at hand.'),
    cfg.StrOpt(
        'journal-dir', default='/var/lib/rbd-mon-fix', metavar='DIR',
        help='Where the journal and the locks are kept.'),
    cfg.BoolOpt(
        'offline', default=False,
        help="Run no 'ceph' command and probe no monitor: the word of "
             'ceph.conf is taken. For hosts that cannot reach Ceph.'),
]

# For guests that Nova does not know. An option that is not set says nothing
# about a disk; one that is set has to fit it.
CEPH_OPTS = [
    cfg.StrOpt(
        'conf', default='/etc/ceph/ceph.conf',
        help='The ceph.conf of guests on a host without OpenStack. With '
             'OpenStack it counts only where user, secret_uuid or pools is '
             'set as well.'),
    cfg.StrOpt('cluster', default='ceph', help='Its cluster name.'),
    cfg.StrOpt('user', help="The cephx user that is the cluster's."),
    cfg.StrOpt('secret_uuid',
               help="The libvirt secret that is the cluster's. Needed as "
                    'soon as guests on one host use more than one.'),
    cfg.ListOpt('pools', default=[],
                help="The pools that are the cluster's; default: any."),
]

HOOK_OPTS = [
    cfg.StrOpt(
        'dir', default='/etc/libvirt/hooks/qemu.d', metavar='DIR',
        help="The folder where libvirt on this host looks for hooks of QEMU "
             "guests. 'hook install' puts a script there, which refresh "
             'keeps informed.'),
]


def register(conf: cfg.ConfigOpts) -> None:
    """Register the options, those of no group as flags too."""
    conf.register_cli_opts(OPTS)
    conf.register_opts(CEPH_OPTS, group='ceph')
    conf.register_cli_opts(HOOK_OPTS, group='hook')


def load(files: Sequence[str], overrides: Mapping[str, object]
         ) -> cfg.ConfigOpts:
    """Read the config of rbd-mon-fix, for use without a command line.

    :param files: its config files; a later one wins
    :param overrides: values that replace those of the files, by option
    :raises ConfigError: a file or an option cannot be used
    """
    conf = cfg.ConfigOpts()
    register(conf)
    try:
        conf([], project='rbd-mon-fix', default_config_files=list(files),
             default_config_dirs=[])
        for name, value in overrides.items():
            conf.set_override(name, value)
    except (cfg.Error, OSError, ValueError) as error:
        raise exceptions.ConfigError(
            'The configuration cannot be used: '
            f'{type(error).__name__}.', 'See docs/configuration.rst.'
            ) from None
    return conf


def list_opts() -> list[tuple[str, list[Any]]]:
    """Return all options for oslo-config-generator."""
    from rbd_mon_fix.conf import nova_api
    return [('DEFAULT', OPTS), ('ceph', CEPH_OPTS),
            ('hook', HOOK_OPTS), *nova_api.list_opts()]
