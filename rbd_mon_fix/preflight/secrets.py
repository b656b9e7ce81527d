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

"""Checks of libvirt's secrets, without which no disk with cephx opens."""

from __future__ import annotations

from typing import Iterator

from rbd_mon_fix import exceptions
from rbd_mon_fix.engine import cephx_keys
from rbd_mon_fix.engine import context as contexts
from rbd_mon_fix.engine import named_secrets
from rbd_mon_fix.preflight import check as checking
from rbd_mon_fix.preflight.check import Check
from rbd_mon_fix.preflight.check import Works

_ADVICE = (
    'Write "{xml}" to a file, and run on the host "virsh secret-define FILE" '
    'if the secret is missing, then "virsh secret-set-value {uuid} --file '
    'KEYFILE" with the output of "ceph auth get-key client.USER" in KEYFILE.')


def checks(context: contexts.Context, host: str) -> Iterator[Check]:
    """Yield a line for each secret that the host's disks need."""
    found: dict[cephx_keys.SecretName, None] = {}
    for read in (named_secrets.of_config, named_secrets.of_documents):
        try:
            found.update(dict.fromkeys(read(context, host)))
        except checking.FAILURES:
            yield checking.not_asked(
                'libvirt', f'more secrets of {host or "this machine"}',
                'Other checks tell why the config or the documents that name '
                'them cannot be read.')
    keys = cephx_keys.Keys(context)
    for secret in found:
        yield _check(keys, secret)


def _check(keys: cephx_keys.Keys, secret: cephx_keys.SecretName) -> Check:
    subject = f'secret {secret} on {secret.host or "this machine"}'

    def read() -> Iterator[Check]:
        try:
            keys.of(secret)
        except exceptions.Gone as error:
            raise exceptions.Gone(error.message, advice(secret)) from None
        except exceptions.ConfigError as error:  # libvirt may read it
            yield checking.not_asked('libvirt', subject, error.message)
        yield Check('libvirt', subject, Works.YES,
                    'Libvirt has the secret and its value.')
    return next(checking.guarded('libvirt', subject, read()))


def advice(secret: cephx_keys.SecretName) -> str:
    """Return how to define a secret and its value."""
    uuid = f'<uuid>{secret.uuid}</uuid>' if secret.uuid else ''
    usage = secret.usage or f'client.USER {secret.uuid}'
    return _ADVICE.format(
        uuid=secret.uuid or 'UUID', xml="<secret ephemeral='no' private='no'>"
        f"{uuid}<usage type='ceph'><name>{usage}</name></usage></secret>")
