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

from __future__ import annotations

import io
import json
import os
import pathlib
import signal
import subprocess
import sys
import syslog
import time

from hypothesis import given
from hypothesis import strategies as st
import pytest

from rbd_mon_fix.hook import knowledge
from rbd_mon_fix.hook import script
from tests.unit.hook import hosts

SAMPLES = pathlib.Path(__file__).parents[1] / 'samples'
GUESTS = ('domain-live.xml', 'domain-managedsave.xml', 'domain-inactive.xml',
          'unrescue.xml')
KNOWN = json.loads(knowledge.dumps((hosts.A, hosts.B), ''))['clusters']
STALE = b"<host name='127.0.0.21' port='6789'/>"
GOOD = b''.join(b"<host name='10.0.0.2%d' port='6789'/>" % n
                for n in (1, 2, 3))
AUTH = f"""<auth username='cinder'>
<secret type='ceph' uuid='{hosts.SECRET}'/></auth>"""


@pytest.fixture
def hook(tmp_path):
    return hosts.install(tmp_path, hosts.A, hosts.B)


def domain(source: str, devices: str = '') -> bytes:
    return f'''<domain type='kvm'><name>g</name><devices>
<disk type='network' device='disk'>{AUTH}{source}
<target dev='vda' bus='virtio'/></disk>{devices}</devices></domain>
'''.encode()


def source(hosts_xml: str) -> str:
    return f"<source protocol='rbd' name='vms/disk'>{hosts_xml}</source>"


OLD_HOSTS = STALE.decode()
OLD = source(OLD_HOSTS)


@pytest.mark.parametrize('name', GUESTS)
@pytest.mark.parametrize('step', [('restore', 'begin'),
                                  ('migrate', 'begin')])
def test_a_guest_that_comes_in_has_its_monitors_put_right(hook, name, step):
    xml = (SAMPLES / name).read_bytes()
    mended = hosts.call(hook, xml, *step)
    assert mended == xml.replace(b"<host name='127.0.0.",
                                 b"<host name='10.0.0.") != xml
    assert hosts.call(hook, mended, *step) == b''


@pytest.mark.parametrize('step', [
    ('prepare', 'begin'), ('start', 'begin'), ('started', 'begin'),
    ('stopped', 'end'), ('release', 'end'), ('reconnect', 'begin'),
    ('attach', 'begin'), ('restore', 'end'), ('migrate', 'end'),
    ('unheard', 'of'), ('', '')])
def test_other_steps_pass(hook, step):
    assert hosts.call(hook, domain(OLD), *step) == b''


@pytest.mark.parametrize('words', [(), ('guest',), ('guest', 'restore')])
def test_fewer_words_than_libvirt_gives(hook, words):
    done = subprocess.run([hook.script, *words], input=domain(OLD),
                          stdout=subprocess.PIPE)
    assert (done.returncode, done.stdout) == (0, b'')


@pytest.mark.parametrize('xml', [
    b'', b'garbage', b'<domain>', b'\x00\xff\xfe', b'[]',
    domain(OLD)[:-20],
    domain(OLD) + b'<domain/>',
    domain(OLD).replace(b'<name>g', b'<name>\xe4'),
    domain(OLD).decode().encode('utf-16'),
    b'<!DOCTYPE domain [<!ENTITY h "x">]>' + domain(OLD),
    b'<!DOCTYPE domain>' + domain(OLD),
    domain(OLD).replace(b'<domain', b'<pool').replace(b'</domain', b'</pool'),
    domain(source('')),
    domain("<source protocol='rbd' name='vms/disk'/>"),
    domain(source(OLD_HOSTS + "<host name='10.9.9.9' port='6789'/>")),
    domain(source(OLD_HOSTS + "<host name='192.0.2.99' port='6789'/>")),
    domain(source(OLD_HOSTS + "<host transport='unix' socket='/s'/>")),
    domain(source(OLD_HOSTS + "<host name='127.0.0.22' a='b'/>")),
    domain(source(OLD_HOSTS + "<host port='6789'/>")),
    domain(source(OLD_HOSTS + '<!-- --><host name="127.0.0.22"/>')),
    domain(source("<host name='127.0.0.21' port='3300'/>")),
    domain(source("<host name='127.0.0.21'/>")),
    domain(source("<host name='[2001:db8::11]' port='6789'/>")),
    domain(source("<host name='a:b' port='6789'/>")),
    domain(OLD.replace("'rbd'", "'sheepdog'")),
    domain(f'<!-- {OLD} -->'),
    domain(f'<serial><![CDATA[{OLD}]]></serial>'),
    domain('', devices=f'<x>{OLD}</x>'),
    domain('', devices=f"<n:disk xmlns:n='urn:x'>{OLD}</n:disk>"),
    domain(OLD.replace('<host', "<n:host xmlns:n='urn:x'")),
    domain(OLD.replace('name=', "x='y' name=", 1).replace("'rbd'", '"RBD"')),
    b'<x>' + domain(OLD) + b'</x>',
    domain(OLD) + b' ' * (4 << 20),
    domain(OLD + '<a>' * 256 + '</a>' * 256),
    domain(OLD + '<a>' * 100_000 + '</a>' * 100_000),
])
def test_any_doubt_leaves_the_xml_as_it_is(hook, xml):
    assert hosts.call(hook, xml) == b''


@pytest.mark.parametrize('before, after', [
    (domain(OLD), domain(source(GOOD.decode()))),
    (domain(source(OLD_HOSTS + "<host name='10.0.0.21' port='6789'/>")),
     domain(source(GOOD.decode()))),
    (domain(source("<host name='MON-OLD' port='0'/>")),
     domain(source(GOOD.decode()))),
    (domain(source("<host name='127.0.0.2&#x31;' port='6789'></host>")),
     domain(source(GOOD.decode()))),
    (domain(source("<host transport='tcp' name=\"127.0.0.21\"\n"
                   'port="6789" />')), domain(source(GOOD.decode()))),
    (domain(source("\r\n\t" + OLD_HOSTS + "\r\n<config file='/c'/>")),
     domain(source("\r\n\t" + GOOD.decode().replace('/><', '/>\r\n\t<')
                   + "\r\n<config file='/c'/>"))),
    (domain(source("<host name='2001:DB8:0::11' port='6789'/>")),
     domain(source("<host name='2001:db8::21' port='6789'/>"
                   "<host name='2001:db8::22' port='6789'/>"))),
    (b"<?xml version='1.0' encoding='UTF-8'?>\n" + domain(
        f'<!-- {OLD} --><a><![CDATA[{OLD}]]>\u00e4\u20ac</a>' + OLD),
     b"<?xml version='1.0' encoding='UTF-8'?>\n" + domain(
        f'<!-- {OLD} --><a><![CDATA[{OLD}]]>\u00e4\u20ac</a>'
        + source(GOOD.decode()))),
])
def test_the_rest_stays_byte_for_byte(before, after):
    assert script.mend(before, KNOWN) == after


def test_sources_below_a_disk():
    below = '<backingStore>{}</backingStore><mirror>{}</mirror>'
    good = source(GOOD.decode())
    assert script.mend(domain(OLD + below.format(OLD, OLD)), KNOWN) == domain(
        good + below.format(good, good))


@pytest.mark.parametrize('old, new', [
    ("name='vms/disk'", "name='elsewhere/disk'"), ("name='vms/disk'", ''),
    ("username='cinder'", "username='admin'"),
    (f"uuid='{hosts.SECRET}'", "usage='ceph'"), (AUTH, '')])
def test_names_do_not_matter(old, new):
    """Sites repeat them; only addresses tell whose a disk is."""
    xml = domain(OLD).replace(old.encode(), new.encode())
    assert xml != domain(OLD)
    assert script.mend(xml, KNOWN) == xml.replace(STALE, GOOD)


NVRAM = f"""<os><loader readonly='yes' type='pflash'>/x</loader>
<nvram type='network' format='raw'>
<source protocol='rbd' name='vms/x_VARS'>{OLD_HOSTS}{AUTH}</source>
</nvram></os>"""
GOOD_NVRAM = NVRAM.replace(OLD_HOSTS, GOOD.decode())
LOADER, BIOS = (NVRAM.replace(*words)
                for words in (('nvram', 'loader'), ('os>', 'bios>')))


@pytest.mark.parametrize('before, after', [
    (NVRAM, GOOD_NVRAM), (LOADER, LOADER), (BIOS, BIOS)])
@pytest.mark.parametrize('place', ['<devices>', '</domain>'])
def test_the_firmware_s_nvram(before, after, place):
    xml, good = (
        text.replace(place.encode(), top.encode() + place.encode())
        for text, top in ((domain(OLD), before),
                          (domain(source(GOOD.decode())), after)))
    assert script.mend(xml, KNOWN) == good


def test_an_unknown_disk_does_not_keep_the_others_back():
    strange = ("<disk><source protocol='rbd' name='vms/x'>"
               "<host name='10.9.9.9' port='6789'/></source></disk>")
    xml = domain(OLD, devices=strange)
    assert script.mend(xml, KNOWN) == domain(source(GOOD.decode()),
                                             devices=strange)


@given(st.integers(0, 400), st.integers(0, 400))
def test_a_damaged_document_is_mended_or_left(start, length):
    xml = domain(OLD)
    damaged = xml[:start] + xml[start + length:]
    try:
        mended = script.mend(damaged, KNOWN)
    except (script.Doubt, script.expat.ExpatError):
        return
    assert mended in (b'', damaged.replace(STALE, GOOD))


@pytest.mark.parametrize('change', [
    {'known': KNOWN[0]['known'] + ['192.0.2.1:6789'], 'name': 'twin'},
    {'known': ['127.0.0.21:6789'], 'monitors': []},
])
def test_an_address_of_two_clusters_is_a_doubt(change):
    assert script.mend(domain(OLD), KNOWN + [{**KNOWN[0], **change}]) == b''


@pytest.mark.parametrize('monitor', [
    "x' port='1'/><evil a='", '10.0.0.1', '', '10.0.0.1:123456', '::1:6789'])
def test_a_right_monitor_that_is_none(monitor):
    with pytest.raises(script.Doubt):
        script.mend(domain(OLD), [{**KNOWN[0], 'monitors': [monitor]}])


def spoil(content: bytes):
    def write(path):
        path.write_bytes(content)
    return write


def replace_by_folder(path):
    path.unlink()
    path.mkdir()


def replace_by_pipe(path):
    path.unlink()
    os.mkfifo(path)


def test_knowledge_of_the_least_form(hook):
    """The files below differ from this one."""
    pathlib.Path(hook.knowledge).write_text(
        json.dumps({'version': 2, 'clusters': KNOWN}))
    assert hosts.call(hook, domain(OLD)) == domain(source(GOOD.decode()))


@pytest.mark.parametrize('act', [
    pathlib.Path.unlink, replace_by_folder,
    lambda path: path.chmod(0o666), lambda path: path.chmod(0o664),
    spoil(b''), spoil(b'{'), spoil(b'\xff'), spoil(b'[]'), spoil(b'null'),
    spoil(b'{"version": 3, "clusters": []}'), spoil(b'{"version": 2}'),
    spoil(b'{"version": 2, "clusters": [{}]}'),
    spoil(b'{"version": 2, "clusters": {"a": 1}}'),
    spoil(json.dumps({'version': 1, 'clusters': KNOWN}).encode()),
    spoil(json.dumps({'version': 2, 'clusters': KNOWN}).encode()
          + b' ' * (1 << 20)),
    spoil(b'[' * 100_000),
    replace_by_pipe,
])
def test_without_good_knowledge_nothing_is_done(hook, act):
    assert hosts.call(hook, domain(OLD)) != b''
    act(pathlib.Path(hook.knowledge))
    assert hosts.call(hook, domain(OLD)) == b''


@pytest.fixture
def run(hook, tmp_path, monkeypatch):
    """Run ``main`` in this process without its deadline."""
    def run(xml, stdout=None):
        with monkeypatch.context() as patch:
            printed = io.TextIOWrapper(stdout or io.BytesIO())
            patch.setattr(sys, 'stdin', io.TextIOWrapper(io.BytesIO(xml)))
            patch.setattr(sys, 'stdout', printed)
            script.main(hook.script, 'guest', 'restore')
            return printed.buffer.getvalue()

    log = []
    monkeypatch.setattr(signal, 'signal', lambda *_args: None)
    monkeypatch.setattr(signal, 'alarm', lambda _seconds: None)
    monkeypatch.setattr(syslog, 'syslog', log.append)
    run.log = log
    return run


def test_what_is_corrected_is_printed_and_logged(run):
    assert run(domain(OLD)) == domain(source(GOOD.decode()))
    assert run.log == ['Corrected the monitors of guest guest for restore.']


def test_no_alarm_cuts_off_what_is_printed(run, monkeypatch):
    alarms = []

    class Stdout(io.BytesIO):
        def write(self, content):
            assert alarms == [script.SECONDS, 0]
            return super().write(content)

    monkeypatch.setattr(signal, 'alarm', alarms.append)
    assert run(domain(OLD), Stdout()) != b''


def test_without_a_correction_nothing_is_printed_or_logged(run):
    assert run(domain(source(GOOD.decode()))) == b''
    assert run.log == []


@pytest.mark.parametrize('size, fits', [
    (script.MAX_XML, True), (script.MAX_XML + 1, False)])
def test_the_largest_xml(run, size, fits):
    xml = domain(OLD).ljust(size)
    if fits:
        assert len(run(xml)) > size
        return
    with pytest.raises(script.Doubt, match='too large'):
        run(xml)


@pytest.mark.parametrize('mode, fits', [
    (0o644, True), (0o600, True), (0o664, False), (0o646, False)])
def test_who_may_write_the_knowledge(hook, mode, fits):
    os.chmod(hook.knowledge, mode)
    if fits:
        assert script.load(hook.knowledge) == KNOWN
        return
    with pytest.raises(script.Doubt, match='only root can write'):
        script.load(hook.knowledge)


def test_knowledge_of_another_owner(hook, monkeypatch):
    monkeypatch.setattr(os, 'geteuid', lambda: 4711)
    assert script.load(hook.knowledge) == KNOWN
    os.chown(hook.knowledge, 4712, -1)
    with pytest.raises(script.Doubt, match='only root can write'):
        script.load(hook.knowledge)


@pytest.mark.parametrize('version', [1, 3, '2'])
def test_knowledge_of_another_version(hook, version):
    path = pathlib.Path(hook.knowledge)
    path.write_text(json.dumps({'version': version, 'clusters': KNOWN}))
    with pytest.raises(script.Doubt, match='another version'):
        script.load(hook.knowledge)


@pytest.mark.parametrize('xml, reason', [
    (OLD_HOSTS + '<!-- -->' + OLD_HOSTS, 'between the monitors'),
    (OLD_HOSTS.replace('port', 'weight'), 'not a monitor'),
    (OLD_HOSTS.replace('name=', "transport='unix' name="), 'not a monitor')])
def test_why_a_source_is_left_alone(xml, reason):
    content = domain(source(xml))
    disk, = script.parse(content).children[0].children[1].all('disk')
    with pytest.raises(script.Doubt, match=reason):
        script.DiskSource(disk.all('source')[0], content)


def test_a_document_type():
    with pytest.raises(script.Doubt, match='document type'):
        script.parse(b'<!DOCTYPE domain>' + domain(OLD))


def test_stdin_that_never_ends(hook):
    began = time.monotonic()
    with subprocess.Popen([hook.script, 'g', 'restore', 'begin', '-'],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as process:
        assert process.wait(20) == 0
        assert process.stdout.read() == b''
    assert time.monotonic() - began < 15


def test_a_host_without_python(hook, tmp_path):
    """A broken Python must not stop a guest either."""
    path = pathlib.Path(hook.script)
    text = path.read_text()
    for folder in ('/usr/bin', '/bin', '/usr/local/bin'):
        text = text.replace(folder + ':', '').replace(
            'PATH=' + folder, f'PATH={tmp_path}')
    path.write_text(text)
    assert hosts.call(hook, domain(OLD)) == b''
    broken = tmp_path / 'python3'
    broken.write_text('#!/bin/sh\nkill -SEGV $$\n')
    broken.chmod(0o755)
    assert hosts.call(hook, domain(OLD)) == b''


def test_nothing_around_it_has_a_say(hook, tmp_path):
    """Neither variables nor foreign modules reach the hook's Python."""
    (tmp_path / 'json.py').write_text('raise SystemExit(3)')
    assert hosts.call(hook, domain(OLD), PYTHONPATH=str(tmp_path),
                      PYTHONHOME=str(tmp_path), PYTHONSTARTUP='/nowhere',
                      LC_ALL='C', PATH='') == domain(source(GOOD.decode()))
