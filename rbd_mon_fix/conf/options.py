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

"""The options of rbd-mon-fix's own config file."""

from __future__ import annotations

from typing import Mapping, Sequence

from oslo_config import cfg

from rbd_mon_fix import exceptions
from rbd_mon_fix.conf import files as service_files
from rbd_mon_fix.conf import flag_list

OPTS: list[cfg.Opt] = [
    flag_list.FlagListOpt(
        'nova-config-file', default=service_files.NOVA.files, metavar='FILE',
        help='A nova.conf. Repeatable: later files override earlier ones. '
             'Only default files may be missing. Use an empty name to read '
             'no nova.conf.'),
    flag_list.FlagListOpt(
        'nova-config-dir', default=service_files.NOVA.folders, metavar='DIR',
        help='A folder whose *.conf files are read after nova.conf. '
             'Repeatable. The default folders may be missing, and are not '
             'read if nova_config_file is set. Use an empty name to read no '
             'folder.'),
    flag_list.FlagListOpt(
        'cinder-config-file', default=service_files.CINDER.files,
        metavar='FILE',
        help='A cinder.conf. Repeatable: later files override earlier ones. '
             'Only default files may be missing. Use an empty name to read '
             'no cinder.conf.'),
    flag_list.FlagListOpt(
        'cinder-config-dir', default=service_files.CINDER.folders,
        metavar='DIR',
        help='A folder whose *.conf files are read after cinder.conf. '
             'Repeatable. The default folders may be missing, and are not '
             'read if cinder_config_file is set. Use an empty name to read no '
             'folder.'),
    cfg.StrOpt(
        'libvirt-uri', metavar='URI',
        help="The URI of libvirt; {host} stands for the compute host's name. "
             'Default: connection_uri in nova.conf, or else '
             'qemu:///system.'),
    cfg.StrOpt(
        'monitors-file', metavar='FILE',
        help="A file with the right monitors: the output of 'rbd-mon-fix "
             "monitors -f json' from a machine that has the config files and "
             'reaches Ceph. Use - for standard input.'),
    flag_list.FlagListOpt(
        'former-monitors', default=[], metavar='"FSID ADDRESS ..."',
        help='Addresses of former monitors that the history of a cluster '
             'lacks, for example because its monitor store was rebuilt: the '
             'fsid, then the addresses. Disks with these addresses belong to '
             'that cluster. Repeatable: one value for each cluster.'),
    cfg.StrOpt(
        'os-cloud', metavar='CLOUD',
        help="The cloud in clouds.yaml whose credentials are used for Nova's "
             'API, instead of those in group [nova]. Needs the Python package '
             'openstacksdk. Default: OS_CLOUD in the environment, if [nova] '
             'has no credentials.'),
    cfg.StrOpt(
        'journal-dir', default='/var/lib/rbd-mon-fix', metavar='DIR',
        help='The folder of the journal and the locks.'),
    cfg.FloatOpt(
        'host-timeout', default=300.0, min=1.0, metavar='SECONDS',
        help='How long one of several hosts may be silent before it is given '
             'up.'),
    cfg.BoolOpt(
        'offline', default=False,
        help="Do not run 'ceph' and do not contact monitors; trust ceph.conf "
             'or the monitors file. For hosts that cannot reach Ceph.'),
]

CEPH_FLAGS: list[cfg.Opt] = [
    cfg.StrOpt(
        'admin-user', default='admin', metavar='USER',
        help="The cephx user, without client., as which 'gate' and "
             "--from-ceph ask the clusters. Needs the caps mon 'allow *' "
             "and osd 'profile rbd-read-only', and a keyring on this host."),
]

# For guests that Nova does not know. User, secret and pools matter if two
# clusters had the addresses of a disk; one that is not set matches any disk.
CEPH_OPTS: list[cfg.Opt] = [
    cfg.StrOpt(
        'conf', default='/etc/ceph/ceph.conf',
        help='The ceph.conf of guests on a host without OpenStack. With '
             'OpenStack it is used only if user, secret_uuid or pools is set '
             'as well.'),
    cfg.StrOpt('cluster', default='ceph', help='The name of that cluster.'),
    cfg.StrOpt('user', help='The cephx user of that cluster.'),
    cfg.StrOpt('secret_uuid',
               help='The UUID of the libvirt secret of that cluster.'),
    cfg.ListOpt('pools', default=[],
                help='The pools of that cluster. Default: any pool.'),
    *CEPH_FLAGS,
]

HOOK_OPTS: list[cfg.Opt] = [
    cfg.StrOpt(
        'dir', default='/etc/libvirt/hooks/qemu.d', metavar='DIR',
        help="The folder in which libvirt on this host looks for QEMU hooks. "
             "'hook install' puts a script there, and refresh keeps the "
             "script's list of monitors up to date."),
]

SHIELD_OPTS: list[cfg.Opt] = [
    cfg.StrOpt(
        'conf', default='/etc/ceph/ceph.conf', metavar='FILE',
        help="The ceph.conf that QEMU on this host reads. 'shield install' "
             'puts a block at its end. Where libvirt runs in a container, '
             'name the file that the container mounts.'),
]


def register(conf: cfg.ConfigOpts) -> None:
    """Register the options; some of them are flags, too."""
    conf.register_cli_opts(OPTS)
    conf.register_cli_opts(CEPH_FLAGS, group='ceph')
    conf.register_opts(CEPH_OPTS, group='ceph')
    conf.register_cli_opts(HOOK_OPTS, group='hook')
    conf.register_cli_opts(SHIELD_OPTS, group='shield')


def load(files: Sequence[str], overrides: Mapping[str, object]
         ) -> cfg.ConfigOpts:
    """Read the config of rbd-mon-fix, for use without a command line.

    :param files: the config files; later ones override earlier ones
    :param overrides: values that replace those in the files, by option
    :raises ConfigError: a file or an option is invalid
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


def place(conf: cfg.ConfigOpts, name: str) -> str:
    """Return an option of [DEFAULT], and the file that sets it, as words."""
    found = conf.get_location(name)
    if found is not None and found.location is cfg.Locations.user:
        return f'{name} in {found.detail}'
    return name


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    """Return all options for oslo-config-generator."""
    from rbd_mon_fix.conf import nova_api
    return [('DEFAULT', OPTS), ('ceph', CEPH_OPTS),
            ('hook', HOOK_OPTS), ('shield', SHIELD_OPTS),
            *nova_api.list_opts()]
