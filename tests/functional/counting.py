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

"""A guest that counts and prints the count on its serial port.

The guest is 512 bytes of real-mode code and uses only its boot disk, so it
runs without Ceph.
"""

from __future__ import annotations

import pathlib
import struct
import time

WITHIN = 60

# Counts in bx and writes both bytes of bx, the high byte first, to COM1.
_CODE = bytes((
    0xFA,              # cli
    0x31, 0xDB,        # xor bx, bx
    0xBA, 0xF8, 0x03,  # mov dx, 0x3f8
    0x88, 0xF8,        # again: mov al, bh
    0xEE,              # out dx, al
    0x88, 0xD8,        # mov al, bl
    0xEE,              # out dx, al
    0x43,              # inc bx
    0xB9, 0x00, 0x00,  # mov cx, 0
    0xE2, 0xFE,        # loop to itself, 65536 times
    0xEB, 0xF2,        # jmp again
))


def boot_sector(path: pathlib.Path) -> pathlib.Path:
    """Write the boot disk of the guest."""
    path.write_bytes(_CODE.ljust(510, b'\0') + b'\x55\xaa')
    return path


def devices(disk: pathlib.Path, told: pathlib.Path) -> tuple[str, str]:
    """Return the guest's devices.

    :param told: the file that its serial port appends to
    """
    return (f"<disk type='file' device='disk'>"
            "<driver name='qemu' type='raw'/>"
            f"<source file='{disk}'/><target dev='hda' bus='ide'/></disk>",
            f"<serial type='file'><source path='{told}' append='on'/>"
            "<target port='0'/></serial>")


def counted(told: pathlib.Path) -> list[int]:
    """Return all numbers that the guest has counted so far."""
    data = told.read_bytes() if told.exists() else b''
    return [number for number, in struct.iter_unpack(
        '>H', data[:len(data) // 2 * 2])]


def wait_until_beyond(told: pathlib.Path, number: int) -> None:
    """Wait until the guest has counted this many numbers."""
    until = time.monotonic() + WITHIN
    while len(counted(told)) <= number:
        assert time.monotonic() < until, 'the guest does not count'
        time.sleep(0.05)
