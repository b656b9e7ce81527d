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

"""URLs of databases, and the templates of Nova's cell mappings."""

from __future__ import annotations

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.clients.database import urls

DEFAULT = 'mysql+pymysql://nova:TOPSECRET@db:3306/nova?charset=utf8#x'


@pytest.mark.parametrize('template, default, expected', [
    ('sqlite:////srv/cell.db', None, 'sqlite:////srv/cell.db'),
    ('mysql://a:b@c/d', DEFAULT, 'mysql://a:b@c/d'),
    ('{scheme}://{username}:{password}@{hostname}:{port}/cell1?{query}',
     DEFAULT, 'mysql+pymysql://nova:TOPSECRET@db:3306/cell1?charset=utf8'),
    ('{scheme}://{hostname}/{path}_cell0#{fragment}', DEFAULT,
     'mysql+pymysql://db/nova_cell0#x'),
    ('{scheme}://{username}/', 'mysql://u@h', 'mysql://u/'),
    ('a{{b', DEFAULT, 'a{b'),
    ('mysql://nova:a}b@h/', DEFAULT, 'mysql://nova:a}b@h/'),
])
def test_fill_template(template, default, expected):
    assert urls.fill_template(template, default) == expected


@pytest.mark.parametrize('template, default', [
    ('{scheme}://{hostname}/x', None),
    ('mysql://{user}@h/', DEFAULT),
    ('mysql://nova:TOP{SECRET@h/', DEFAULT),
    ('mysql://{}@h/', DEFAULT),
    ('mysql://{0}@h/', DEFAULT),
    ('mysql://{hostname.x}@h/', DEFAULT),
    ('mysql://{scheme[::1]}@h/', DEFAULT),
    ('mysql://{hostname:>9}@h/', DEFAULT),
    ('mysql://{hostname!r}@h/', DEFAULT),
    ('mysql://{hostname}:{port}/', 'mysql://nova:TOPSECRET@db:port/nova'),
])
def test_templates_that_cannot_be_filled_in(template, default):
    with pytest.raises(exceptions.ConfigError, match='template') as caught:
        urls.fill_template(template, default)
    assert 'list_cells' in caught.value.hint
    assert 'SECRET' not in str(caught.value)


@pytest.mark.parametrize('url, shown', [
    ('sqlite:////srv/nova.db', 'sqlite /srv/nova.db'),
    (DEFAULT, 'mysql nova at db:3306'),
    ('mysql://nova:TOPSECRET@db/nova', 'mysql nova at db'),
    ('mysql://nova:TOP/SECRET@[fd00::1]:3306/nova',
     'mysql nova at fd00::1:3306'),
    ('sqlite:////srv/a@b:c/nova.db', 'sqlite /srv/a@b:c/nova.db'),
    ('postgresql://nova:TOPSECRET@/nova?host=/run', 'postgresql nova'),
])
def test_describe(url, shown):
    assert urls.describe(url, 'DB') == shown


@pytest.mark.parametrize('url, words', [
    ('TOPSECRET', 'Invalid URL for DB'),
    ('mysql://nova:A@TOPSECRET@db/nova', 'more than one @'),
    ('mysql+pymysql:///nova:TOPSECRET@db/nova', 'in a wrong place'),
    ('mysql://nova:A@/TOPSECRET@db/nova', 'in a wrong place'),
    ('mysql://no/va:TOPSECRET@db/nova', 'in a wrong place'),
    ('postgresql:///nova:TOPSECRET', 'in a wrong place'),
])
def test_urls_that_are_invalid(url, words):
    with pytest.raises(exceptions.ConfigError, match=words) as caught:
        urls.describe(url, 'DB')
    assert 'SECRET' not in str(caught.value)


@pytest.mark.parametrize('url, user', [
    (DEFAULT, 'nova'),
    ('mysql+pymysql://db/nova', ''),
    ('mysql://nova@TOPSECRET@db/nova', '')])
def test_the_user(url, user):
    login = urls.login(url)
    assert login.user == user
    assert 'SECRET' not in repr(login)


@pytest.mark.parametrize('found, account', [
    ('nova@%', "'nova'@'%'"), ('a@b@10.0.0.%', "'a@b'@'10.0.0.%'")])
def test_an_account_of_mysql(found, account):
    assert urls.login(DEFAULT).of_account(found).account == account
