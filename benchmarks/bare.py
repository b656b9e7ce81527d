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

"""A script that only reads, or writes, what a refresh does.

    python benchmarks/bare.py read|parse|write FILE

It makes no checks, keeps no journal and does not verify the result, as if
the new texts were already known. ``parse`` also imports what every command
with a config and a log needs, and parses what it reads. FILE holds the texts
and their targets.
"""

from __future__ import annotations

import datetime
import json
import sys
from typing import Any, Mapping
from xml.parsers import expat

import libvirt
import sqlalchemy as sa

QUERIES = {
    'cell': 'SELECT id, connection_info FROM block_device_mapping'
            ' WHERE connection_info IS NOT NULL',
    'cinder': 'SELECT id, connection_info FROM volume_attachment'}
UPDATES = {
    'cell': 'UPDATE block_device_mapping SET connection_info = :text,'
            ' updated_at = :now WHERE id = :id',
    'cinder': 'UPDATE volume_attachment SET connection_info = :text,'
              ' updated_at = :now WHERE id = :id'}


def read_databases(urls: Mapping[str, str]) -> dict[str, Any]:
    """Return the texts of both databases, by the row's id.

    :param urls: of the databases
    """
    texts: dict[str, Any] = {}
    for name, query in QUERIES.items():
        engine = sa.create_engine(urls[name])
        with engine.connect() as connection:
            texts[name] = dict(map(tuple, connection.execute(sa.text(query))))
        engine.dispose()
    return texts


def read(urls: Mapping[str, str]) -> dict[str, Any]:
    """Return all texts of the databases, and the XML of all domains.

    :param urls: of both databases and of libvirt
    """
    texts = read_databases(urls)
    hypervisor = libvirt.open(urls['libvirt'])
    flags = libvirt.VIR_DOMAIN_XML_INACTIVE | libvirt.VIR_DOMAIN_XML_SECURE
    texts['domains'] = sorted(
        domain.XMLDesc(flags) for domain in hypervisor.listAllDomains())
    hypervisor.close()
    return texts


def parse(urls: Mapping[str, str]) -> None:
    """Read all texts, and parse each without a look at it.

    :param urls: of both databases and of libvirt
    """
    from oslo_config import cfg  # noqa: F401
    from oslo_log import log  # noqa: F401
    texts = read(urls)
    for name in QUERIES:
        for text in texts[name].values():
            json.loads(text)
    for text in texts['domains']:
        parser = expat.ParserCreate()
        parser.StartElementHandler = parser.EndElementHandler = _ignore
        parser.Parse(text, True)


def _ignore(*event: object) -> None:
    pass


def write(urls: Mapping[str, str], texts: Mapping[str, Any]) -> None:
    """Write all texts.

    :param urls: of both databases and of libvirt
    :param texts: of each database by the row's id, and XML of all domains
    """
    now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
    for name, update in UPDATES.items():
        engine = sa.create_engine(urls[name])
        with engine.begin() as connection:
            connection.execute(sa.text(update), [
                {'id': key, 'text': text, 'now': now}
                for key, text in texts[name].items()])
        engine.dispose()
    hypervisor = libvirt.open(urls['libvirt'])
    for text in texts['domains']:
        hypervisor.defineXML(text)
    hypervisor.close()


if __name__ == '__main__':
    with open(sys.argv[2]) as file:
        work = json.load(file)
    if sys.argv[1] == 'write':
        write(**work)
    else:
        {'read': read, 'parse': parse}[sys.argv[1]](work['urls'])
