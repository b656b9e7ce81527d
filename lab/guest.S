/*
 * Copyright The rbd-mon-fix authors
 *
 * Licensed under the Apache License, Version 2.0 (the "License"); you may
 * not use this file except in compliance with the License. You may obtain
 * a copy of the License at
 *
 *      http://www.apache.org/licenses/LICENSE-2.0
 *
 * Unless required by applicable law or agreed to in writing, software
 * distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
 * WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
 * License for the specific language governing permissions and limitations
 * under the License.
 *
 * The guest of the lab: a disk's first sector, run by the BIOS.
 *
 * About twice a second it counts, and writes the count to the second sector
 * of its disk and to its serial port, in hexadecimal, with a leading E if the
 * disk write failed. Like an operating system with ACPI, it turns itself off
 * when the power button is pressed, and releases devices that are to be
 * unplugged. It halts until the next clock tick in between, so that a dozen
 * guests can run side by side in emulation.
 *
 * The ports are those of QEMU's machine "pc": hw/acpi/piix4.c and pcihp.c,
 * and PORT_ACPI_PM_BASE of SeaBIOS's src/config.h.
 */
.code16
.intel_syntax noprefix

.set SECTOR, 0x7e00             # what is written, right after the program
.set TICKS, 0x7aff              # of the clock, one byte
.set POWER_STATUS, 0x600
.set POWER_ENABLE, 0x602
.set POWER_CONTROL, 0x604
.set UNPLUG_ASKED, 0xae04
.set UNPLUG_DONE, 0xae08
.set UNPLUG_BUS, 0xae10
.set SERIAL, 0x3f8

start:
        xor     ax, ax
        mov     ds, ax
        mov     es, ax
        mov     ss, ax
        mov     sp, 0x7c00
        mov     bp, dx          # the disk that the BIOS started from
        mov     dx, POWER_ENABLE
        mov     ax, 0x100       # the power button is to be heard
        out     dx, ax
        mov     di, SECTOR
        mov     cx, 256
        xor     ax, ax
        rep stosw
        xor     ebx, ebx        # the count

again:
        sti
        hlt                     # until the clock ticks, 18 times a second
        mov     dx, POWER_STATUS
        in      ax, dx
        test    ah, 1
        jnz     off
        mov     dx, UNPLUG_BUS
        xor     eax, eax
        out     dx, eax
        mov     dx, UNPLUG_ASKED
        in      eax, dx         # a bit for each slot
        mov     dx, UNPLUG_DONE
        out     dx, eax
        inc     byte ptr [TICKS]
        test    byte ptr [TICKS], 7
        jnz     again

        inc     ebx
        mov     eax, ebx
        mov     di, SECTOR
        mov     cx, 8
digit:
        rol     eax, 4
        push    ax
        and     al, 15
        add     al, '0'
        cmp     al, '9' + 1
        jb      store
        add     al, 'a' - '9' - 1
store:
        stosb
        pop     ax
        loop    digit
        mov     word ptr [di], 0x0a0d

        mov     si, 0x7c00 + packet - start
        mov     dx, bp
        mov     ax, 0x4300      # write, by the packet
        pushad
        int     0x13
        popad
        mov     si, SECTOR
        mov     cx, 10
        mov     dx, SERIAL
        jnc     tell
        mov     byte ptr [si], 'E'
tell:
        lodsb
        out     dx, al
        loop    tell
        jmp     again

off:
        mov     dx, POWER_CONTROL
        mov     ax, 0x2000
        out     dx, ax
        hlt
        jmp     off

packet:                         # its size, the sectors, where from, where to
        .byte   16, 0, 1, 0
        .word   SECTOR, 0
        .quad   1

        .org    510
        .word   0xaa55
