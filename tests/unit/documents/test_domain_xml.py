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

"""Domain XML: first the parts that must not change, then reads and edits."""

from __future__ import annotations

import pathlib
import re

import hypothesis
from hypothesis import strategies
from lxml import etree
import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.documents.domain_xml import DomainXML
from rbd_mon_fix.model.disk import UnreadableDisk
from rbd_mon_fix.model.monmap import MonAddr

SAMPLES = pathlib.Path(__file__).parent.parent / 'samples'
CAPTURED = ('domain-inactive', 'domain-live', 'domain-managedsave',
            'unrescue')
OLD = tuple(MonAddr(f'127.0.0.2{last}', 6789) for last in (1, 2, 3))
NEW = tuple(MonAddr(f'10.0.0.{last}', 3300) for last in (1, 2, 3, 4))
HOST = "<host name='1.2.3.4' port='6789'/>"
ADDR = MonAddr('1.2.3.4', 6789)
SECRET = 'bd341dc4-82ce-4fa7-a378-7a6e331821fb'


def sample(name):
    return (SAMPLES / f'{name}.xml').read_text()


def domain(*disks, top=''):
    return (f"<domain type='kvm'>\n  <name>a &amp; ü</name>\n{top}  "
            f"<devices>\n{''.join(disks)}  </devices>\n</domain>\n")


def disk(source, target='vda', more=''):
    return (f"    <disk type='network'>\n      {source}\n"
            f"      <target dev='{target}'/>{more}\n    </disk>\n")


def rbd(hosts=HOST, name='vms/x', more=''):
    return (f"<source protocol='rbd' name='{name}'>\n        {hosts}\n"
            f"        {more}</source>")


def nvram(source):
    return f"  <os>\n    <nvram type='network'>{source}</nvram>\n  </os>\n"


def with_monitors(document, monitors):
    return document.edited({each.key: document.spell(each, monitors)
                            for each in document.disks})


# A document with everything that could break a byte-wise editor.
ODD = domain(
    "    <!-- <disk><source protocol='rbd' name='no/no'>"
    "<host name='9.9.9.9'/></source><target dev='vdz'/></disk> -->\r\n",
    disk('<source name="vms/ä&amp;&gt;\'" protocol="rbd"\tindex="1" >\n'
         '<host  name = "a>b" port="1"/></source>'.replace('a>b', '::1'),
         more="<serial>&lt;host name='x'/&gt;</serial>"),
    disk("<source protocol='rbd' name='vms/y'><snapshot name='s'/>"
         "<host name='a' port='1'></host ><host\n port='2' name='b'\n/>"
         "<config file='/etc/a>b'/><![CDATA[<host name='c'/>]]></source>",
         'vdb'),
    top="  <metadata><o:x xmlns:o='u:o'><disk><source protocol='rbd' "
        "name='vms/z'><host name='z'/></source></disk></o:x></metadata>\n")


@pytest.mark.parametrize('name', CAPTURED)
def test_spelling_what_is_there_changes_nothing(name):
    document = DomainXML.parse(sample(name))
    assert document.disks
    for each in document.disks:
        assert document.spell(each, each.monitors) == each.verbatim
    assert with_monitors(document, OLD) == document
    assert document.edited({}) == document


@pytest.mark.parametrize('text', [*map(sample, CAPTURED), ODD])
def test_only_the_hosts_change(text):
    document = DomainXML.parse(text)
    edited = with_monitors(document, NEW)
    assert {each.monitors for each in edited.disks} == {NEW}
    before, after = text, edited.text
    for old, new in zip(document.disks, edited.disks):
        before = before.replace(old.verbatim, '')
        after = after.replace(new.verbatim, '')
    assert before == after
    assert edited.text != text


def test_one_disk_alone():
    text = sample('domain-inactive')
    document = DomainXML.parse(text)
    second = document.disks[1]
    edited = document.edited({'vdb': document.spell(second, NEW)})
    assert [each.monitors for each in edited.disks] == [OLD, NEW]
    assert edited.text.startswith(text[:text.index("<target dev='vda'")])
    assert with_monitors(edited, OLD).text == text


def test_a_golden_edit():
    edited = with_monitors(DomainXML.parse(sample('domain-managedsave')), NEW)
    expected = re.sub(
        r'<host .*\n +<host .*\n +<host .*',
        "<host name='10.0.0.1' port='3300'/>\n"
        "        <host name='10.0.0.2' port='3300'/>\n"
        "        <host name='10.0.0.3' port='3300'/>\n"
        "        <host name='10.0.0.4' port='3300'/>",
        sample('domain-managedsave'))
    assert edited.text == expected


def test_reads_a_captured_domain():
    document = DomainXML.parse(sample('domain-inactive'))
    assert (document.uuid, document.name, document.nova, document.nova_name,
            document.mirror, document.chained, document.unreadable) == (
        'ddee15e6-74fe-4a44-9b26-4ba7df465bcd', 'instance-00000001', True,
        's1', False, (), ())
    assert [(each.key, each.image, each.user, each.secret_uuid,
             each.volume_id, each.monitors, each.ragged)
            for each in document.disks] == [
        ('vda', 'vms/ddee15e6-74fe-4a44-9b26-4ba7df465bcd_disk', 'cinder',
         'bd341dc4-82ce-4fa7-a378-7a6e331821fb', None, OLD, False),
        ('vdb', 'volumes/volume-ff6e2e76-9b3c-46dc-91bd-777d948998ac',
         'cinder', 'bd341dc4-82ce-4fa7-a378-7a6e331821fb',
         'ff6e2e76-9b3c-46dc-91bd-777d948998ac', OLD, False)]


def test_live_and_persistent_show_the_same_disks():
    live = DomainXML.parse(sample('domain-live'))
    assert live.disks == DomainXML.parse(sample('domain-inactive')).disks


def test_comments_metadata_and_cdata_hold_no_disks():
    document = DomainXML.parse(ODD)
    assert [(each.key, each.image, each.monitors)
            for each in document.disks] == [
        ('vda', "vms/ä&>'", (MonAddr('::1', 1),)),
        ('vdb', 'vms/y', (MonAddr('a', 1), MonAddr('b', 2)))]
    assert document.name == 'a & ü'
    assert not document.nova


@pytest.mark.parametrize('hosts, monitors, ragged', [
    (HOST, (ADDR,), False),
    ("<host name='1.2.3.4'/>", (MonAddr('1.2.3.4', None),), False),
    ("<host name='1.2.3.4' port='0'/>", (MonAddr('1.2.3.4', None),), False),
    ("<host name='1.2.3.4' port='6789' transport='tcp'/>", (ADDR,), False),
    ("<host name='0.0.0.0' port='0'/>", (MonAddr('0.0.0.0', 0),), True),
    # libvirt never prints port 0.
    (f"{HOST}<host name='0.0.0.0'/>", (ADDR, MonAddr('0.0.0.0', 0)), True),
    ("<host name='::' port='0'/>", (MonAddr('::', 0),), True),
    ("<host name='[::]'/>", (MonAddr('::', 0),), True),
    ("<host name=''/>", (MonAddr('0.0.0.0', 0),), True),
    ('<host port="6789" name="1.2.3.4"></host>', (ADDR,), False),
    ("<host name='1.2.3&#46;4' port='6789'/>", (ADDR,), False),
    ("<host name='fd00::1' port='1'/>", (MonAddr('fd00::1', 1),), False),
    ("<host name='[fd00::1]' port='1'/>", (MonAddr('fd00::1', 1),), True),
    ("<host name='::1'/><host name='[::1]'/>",
     (MonAddr('::1', None), MonAddr('::1', None)), True),
    ("<host name='Mon.A' port='1'/>", (MonAddr('mon.a', 1),), False),
])
def test_reads_hosts(hosts, monitors, ragged):
    [read] = DomainXML.parse(domain(disk(rbd(hosts)))).disks
    assert (read.monitors, read.verbatim, read.ragged) == (
        monitors, hosts, ragged)


@pytest.mark.parametrize('source, reason', [
    (rbd("<host transport='unix' socket='/s'/>"), 'transport unix'),
    (rbd("<host name='a' transport='rdma'/>"), 'transport rdma'),
    (rbd("<host name='a' weight='1'/>"), 'unknown attributes'),
    (rbd("<host port='6789'/>"), 'invalid monitor address'),
    (rbd('<host/>'), 'invalid monitor address'),
    (rbd("<host name='' port='6789'/>"), 'invalid monitor address'),
    (rbd("<host name='a' port='70000'/>"), 'invalid monitor address'),
    (rbd("<host name='a b'/>"), 'invalid monitor address'),
    (rbd(''), 'no monitors'),
    ("<source protocol='rbd' name='vms/x'/>", 'no monitors'),
    (rbd(f'{HOST}<!-- c -->{HOST}'), 'between the monitors'),
    (rbd(f"{HOST}<snapshot name='s'/>{HOST}"), 'between the monitors'),
    (rbd(f'{HOST} and {HOST}'), 'between the monitors'),
    (rbd("<host name='a'><!-- c --></host>"), 'between the monitors'),
    (rbd(name='x'), 'no pool'),
    (f"<source protocol='rbd'>{HOST}</source>", 'no pool'),
])
def test_what_cannot_be_put_right_is_listed_and_the_rest_mended(
        source, reason):
    document = DomainXML.parse(domain(disk(source),
                                      disk(rbd(), 'vdb')))
    [unreadable] = document.unreadable
    assert isinstance(unreadable, UnreadableDisk)
    assert unreadable.key == 'vda'
    assert reason in unreadable.reason
    assert [each.key for each in document.disks] == ['vdb']
    edited = with_monitors(document, NEW)
    assert edited.disks[0].monitors == NEW
    assert edited.unreadable == document.unreadable
    assert source in edited.text


@pytest.mark.parametrize('text, reason', [
    ('', 'not well-formed'),
    ('nothing', 'not well-formed'),
    ('<domain>', 'not well-formed'),
    ('<domain>\ud800</domain>', 'encoded in UTF-8'),
    ('<network/>', 'not describe a domain'),
    ('<!DOCTYPE domain [<!ENTITY h "x">]><domain>&h;</domain>',
     'document type'),
    (domain(disk(rbd()), disk(rbd())), 'more than one disk vda'),
    (domain(f'<disk>{rbd()}</disk>'), 'no target'),
])
def test_unreadable(text, reason):
    with pytest.raises(exceptions.Unreadable, match=reason):
        DomainXML.parse(text)


def test_other_disks_are_no_concern():
    document = DomainXML.parse(domain(
        disk("<source file='/a'/>"),
        disk(f"<source protocol='nbd' name='a/b'>{HOST}</source>", 'vdb'),
        "<hostdev><source protocol='iscsi' name='a/b'>"
        f"{HOST}</source></hostdev>"))
    assert (document.disks, document.unreadable) == ((), ())


def test_attached_devices():
    assert DomainXML.parse(domain(
        disk(rbd()), disk("<source file='/a'/>", 'vdb'), disk('', 'sda'),
        "<interface><mac address='52:54:00:00:00:01'/></interface>",
        '<interface/>')).attached == {
            'vda vms/x', 'vdb /a', 'sda', '52:54:00:00:00:01', ''}


def test_nested_sources_have_keys_and_secrets_of_their_own():
    auth = "<auth username='{0}'><secret type='ceph' uuid='{0}'/></auth>"
    chain = ("<backingStore type='network'>" + rbd(
        name='b/1', more=auth.format('u1'))
        + "<backingStore type='network'>" + rbd(name='b/2')
        + '<backingStore/></backingStore></backingStore>'
        + "<mirror type='network' job='copy'>" + rbd(name='m/1')
        + '</mirror>' + auth.format('u0')
        + '<serial>7197ba11-9248-4ba0-82e5-f495a5b8b4de</serial>')
    document = DomainXML.parse(domain(
        disk(rbd(name='t/1'), more=chain),
        disk(rbd(name='t/2', more=auth.format('u2')), 'vdb')))
    assert [(each.key, each.image, each.user, each.secret_uuid,
             each.volume_id) for each in document.disks] == [
        ('vda', 't/1', 'u0', 'u0', '7197ba11-9248-4ba0-82e5-f495a5b8b4de'),
        ('vda/backingStore', 'b/1', 'u1', 'u1', None),
        ('vda/backingStore/backingStore', 'b/2', None, None, None),
        ('vda/mirror', 'm/1', None, None, None),
        ('vdb', 't/2', 'u2', 'u2', None)]
    assert document.mirror
    assert document.chained == ('vda',)


# As libvirt 9.0 writes it after a snapshot: persistent, and of the running
# guest.
OVERLAY = """\
    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2'/>
      <source file='/var/lib/o.qcow2'{top}/>
      <backingStore type='network'{below}>
        <format type='raw'/>
        <source protocol='rbd' name='vms/x'>
          <host name='1.2.3.4' port='6789'/>
          <auth username='u'>
            <secret type='ceph' uuid='{secret}'/>
          </auth>
        </source>
      </backingStore>
      <target dev='vda' bus='virtio'/>
    </disk>
"""


@pytest.mark.parametrize('top, below', [
    ('', ''), (" index='2'", " index='1'")])
def test_an_image_below_an_overlay(top, below):
    text = domain(OVERLAY.format(top=top, below=below, secret=SECRET))
    document = DomainXML.parse(text)
    found, = document.disks
    assert (found.key, found.image, found.user, found.secret_uuid,
            found.monitors) == (
        'vda/backingStore', 'vms/x', 'u', SECRET, (ADDR,))
    assert document.unreadable == ()
    # A block job may run on it.
    assert document.chained == ('vda',)
    assert document.attached == {'vda /var/lib/o.qcow2'}
    edited = with_monitors(document, OLD)
    assert edited.text != text
    assert with_monitors(edited, (ADDR,)).text == text


def test_the_firmware_s_nvram():
    """Libvirt 8.5 and later can load it from a network source."""
    auth = ("<auth username='u'><secret type='ceph' "
            f"uuid='{SECRET.upper()}'/></auth>")
    source = rbd(name='vms/x_VARS', more=auth)
    text = domain(disk(rbd(), more='<serial>s</serial>'), top=nvram(source))
    document = DomainXML.parse(text)
    assert document.unreadable == ()
    found, other = document.disks
    assert (found.key, found.image, found.user, found.secret_uuid,
            found.monitors, found.volume_id) == (
        'nvram', 'vms/x_VARS', 'u', SECRET, (ADDR,), None)
    assert other.key == 'vda'
    edited = document.edited({'nvram': document.spell(found, NEW)})
    assert [each.monitors for each in edited.disks] == [NEW, (ADDR,)]
    assert DomainXML.parse(edited.text) == edited
    assert edited.text.endswith(text[text.index('</source></nvram>'):])
    assert with_monitors(edited, (ADDR,)).text == text


def test_an_nvram_is_no_disk_that_users_attach():
    document = DomainXML.parse(domain(top=nvram(rbd())))
    assert (document.attached, document.chained, document.mirror) == (
        frozenset(), (), False)


@pytest.mark.parametrize('element', [
    "<os><nvram>/var/lib/x_VARS.fd</nvram></os>",
    "<os><nvram type='file'><source file='/x'/></nvram></os>",
    f"<os><nvram type='network'><source protocol='nbd'>{HOST}</source>"
    '</nvram></os>',
    "<os><loader type='pflash'>/usr/share/OVMF/OVMF_CODE.fd</loader></os>",
    f"<metadata>{nvram(rbd())}</metadata>"])
def test_an_nvram_that_is_not_in_rbd(element):
    document = DomainXML.parse(domain(top=element))
    assert (document.disks, document.unreadable) == ((), ())


def test_an_nvram_that_cannot_be_put_right():
    document = DomainXML.parse(domain(disk(rbd()), top=nvram(rbd(''))))
    [bad] = document.unreadable
    assert (bad.key, bad.image) == ('nvram', 'vms/x')
    assert [each.key for each in document.disks] == ['vda']


@pytest.mark.parametrize('secret, uuid, usage', [
    (f"uuid='{SECRET}'", SECRET, None),
    (f"uuid='{SECRET.upper()}'", SECRET, None),
    ("usage='site A'", None, 'site A')])
def test_a_secret_by_uuid_or_usage(secret, uuid, usage):
    text = domain(disk(rbd(more="<auth username='libvirt'><secret "
                                f"type='ceph' {secret}/></auth>")))
    document = DomainXML.parse(text)
    [found] = document.disks
    assert (found.user, found.secret_uuid, found.secret_usage) == (
        'libvirt', uuid, usage)
    assert secret in with_monitors(document, NEW).text


def test_a_cluster_without_cephx():
    [found] = DomainXML.parse(domain(disk(rbd()))).disks
    assert (found.user, found.secret_uuid, found.secret_usage) == (
        None, None, None)


@pytest.mark.parametrize('serial, volume_id', [
    ('7197BA11-9248-4BA0-82E5-F495A5B8B4DE',
     '7197ba11-9248-4ba0-82e5-f495a5b8b4de'),
    ('WD-1234', None),
    ('7197ba1192484ba082e5f495a5b8b4de', None),
    ('7197ba11-9248-4ba0-82e5-f495a5b8b4dx', None),
])
def test_the_serial_names_the_volume_where_it_is_a_uuid(serial, volume_id):
    [read] = DomainXML.parse(domain(disk(
        rbd(), more=f'<serial>{serial}</serial>'))).disks
    assert read.volume_id == volume_id


@pytest.mark.parametrize('hosts, expected', [
    (HOST, "<host name='::1' port='3300'/>\n        <host name='b'/>"),
    (HOST + HOST, "<host name='::1' port='3300'/><host name='b'/>"),
    (f'{HOST}\n\t{HOST}  {HOST}',
     "<host name='::1' port='3300'/>\n\t<host name='b'/>"),
    ('<host name="a"/>', '<host name="::1" port="3300"/>\n'
                         '        <host name="b"/>'),
])
def test_spells_in_the_style_of_the_document(hosts, expected):
    document = DomainXML.parse(domain(disk(rbd(hosts))))
    [read] = document.disks
    assert document.spell(
        read, (MonAddr('::1', 3300), MonAddr('b', None))) == expected


def test_words_that_break_the_document_are_refused():
    document = DomainXML.parse(domain(disk(rbd())))
    with pytest.raises(exceptions.Unreadable):
        document.edited({'vda': "<host name='a'>"})
    with pytest.raises(KeyError):
        document.edited({'vdb': HOST})


def test_passwords_do_not_show():
    text = domain("    <graphics type='vnc' passwd='s3cret'/>\n", disk(rbd()))
    assert 's3cret' not in repr(DomainXML.parse(text))
    with pytest.raises(exceptions.Unreadable) as caught:
        DomainXML.parse(text.replace("'s3cret'", "'s3cret"))
    assert 's3cret' not in str(caught.value)


hosts_text = strategies.builds(
    lambda name, port, quote, blank, close: (
        f'<host name={quote}{name}{quote}'
        + (f'{blank}port={quote}{port}{quote}' if port else '')
        + close),
    strategies.sampled_from(['10.1.1.1', 'mon-a', 'fd00::2', '[fd00::3]',
                             '0.0.0.0', '[::]']),
    strategies.sampled_from([None, '0', 3300, 6789]),
    strategies.sampled_from('\'"'), strategies.sampled_from([' ', '\n ']),
    strategies.sampled_from(['/>', ' />', '></host>']))
gaps = strategies.sampled_from(['', ' ', '\n', '\n        ', '\r\n\t'])
words = strategies.text(
    strategies.characters(blacklist_categories=['Cc', 'Cs'],
                          blacklist_characters='<&\ufffe\uffff-'))
disks_text = strategies.builds(
    lambda gap, hosts, comment, more: (
        rbd(gap.join(hosts), more=more) + f'<!--{comment}-->'),
    gaps, strategies.lists(hosts_text, min_size=1, max_size=4), words,
    strategies.sampled_from(['', "<snapshot name='&lt;host/&gt;'/>",
                             '<config file="a>\'b"/>']))
documents = strategies.builds(
    lambda sources, firmware: domain(*(
        disk(source, f'vd{number}') for number, source in enumerate(sources)),
        top=nvram(firmware) if firmware else ''),
    strategies.lists(disks_text, max_size=3),
    strategies.none() | disks_text)
monitors_lists = strategies.lists(strategies.builds(
    MonAddr, strategies.sampled_from(['10.9.9.1', 'fd00::9', 'mon.b']),
    strategies.sampled_from([None, 3300, 6789]))
    | strategies.sampled_from([MonAddr('0.0.0.0', 0), MonAddr('::', 0)]),
    min_size=1, max_size=5)


def outside_hosts(text):
    """Return the canonical form without hosts and the blanks around them."""
    root = etree.fromstring(text.encode())
    for host in root.xpath("//source[@protocol='rbd']/host"):
        parent, before = host.getparent(), host.getprevious()
        tail = (host.tail or '').strip()
        if before is None:
            parent.text = (parent.text or '').strip() + tail
        else:
            before.tail = (before.tail or '').strip() + tail
        parent.remove(host)
    return etree.tostring(root, method='c14n')


@hypothesis.given(documents, monitors_lists)
def test_properties(text, monitors):
    document = DomainXML.parse(text)
    assert not document.unreadable
    once = with_monitors(document, tuple(monitors))
    assert all(each.monitors == tuple(monitors) for each in once.disks)
    assert DomainXML.parse(once.text) == once
    assert with_monitors(once, tuple(monitors)).text == once.text
    assert once.edited({each.key: each.verbatim
                        for each in document.disks}).text == text
    assert outside_hosts(once.text) == outside_hosts(text)
