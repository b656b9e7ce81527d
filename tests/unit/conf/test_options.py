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

from oslo_config import cfg

from rbd_mon_fix.conf import options


def parse(*arguments):
    conf = cfg.ConfigOpts()
    options.register(conf)
    conf(list(arguments), project='rbd-mon-fix', default_config_files=[],
         default_config_dirs=[])
    return conf


def test_defaults():
    conf = parse()
    assert conf.nova_config_file == [
        '/etc/nova/nova.conf', '/etc/nova/nova-compute.conf']
    assert conf.nova_config_dir == [
        '/etc/nova/nova.conf.d', '/etc/nova/nova-compute.conf.d']
    assert conf.cinder_config_file == [
        '/etc/cinder/cinder.conf', '/etc/cinder/cinder-volume.conf']
    assert conf.cinder_config_dir == [
        '/etc/cinder/cinder.conf.d', '/etc/cinder/cinder-volume.conf.d']
    assert conf.journal_dir == '/var/lib/rbd-mon-fix'
    assert (conf.libvirt_uri, conf.monitors_file, conf.offline) == (
        None, None, False)
    assert (conf.ceph.conf, conf.ceph.cluster, conf.ceph.pools) == (
        '/etc/ceph/ceph.conf', 'ceph', [])


def test_flags():
    conf = parse('--nova-config-file', 'a', '--nova-config-file', 'b',
                 '--offline', '--hook-dir', '/hooks', '--ceph-admin-user',
                 'boss')
    assert conf.nova_config_file == ['a', 'b']
    assert conf.offline is True
    assert conf.hook.dir == '/hooks'
    assert conf.ceph.admin_user == 'boss'
    assert parse().ceph.admin_user == 'admin'


def test_every_option_has_a_help_text_that_is_a_sentence():
    listed = options.list_opts()
    assert [group for group, _ in listed] == ['DEFAULT', 'ceph', 'hook',
                                              'shield', 'nova']
    for _, opts in listed[:4]:
        for opt in opts:
            assert opt.help.endswith('.') and opt.help[0].isupper()


def test_the_place_of_an_option(tmp_path):
    path = tmp_path / 'a.conf'
    path.write_text('[DEFAULT]\nformer_monitors = x\n')
    name = 'former_monitors'
    assert options.place(parse(), name) == name
    assert options.place(parse('--former-monitors', 'x'), name) == name
    assert options.place(parse('--config-file', str(path)), name) == (
        f'former_monitors in {path}')
