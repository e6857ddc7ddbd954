import { expect, it } from 'vitest';
import { programPlatform } from '../../../../../src/workflows/bundle/tools/program-platform.ts';
import { elfProgram } from '../../../../support/tools.ts';

/** The head of a Mach-O program. */
function machO(magic: number, cpu: number): Buffer {
  const head = Buffer.alloc(64);
  head.writeUInt32LE(magic, 0);
  head.writeUInt32LE(cpu, 4);
  return head;
}

it.each([
  [62, 'linux/amd64'],
  [183, 'linux/arm64'],
  [40, 'linux/arm'],
  [21, 'linux/ppc64le'],
  [9999, undefined],
])('reads the machine %i of an ELF header as %s', (machine, platform) => {
  expect(programPlatform(elfProgram(machine))).toBe(platform);
});

it('reads a big-endian ELF header', () => {
  const head = elfProgram(0);
  head[5] = 2;
  head.writeUInt16BE(22, 18);
  expect(programPlatform(head)).toBe('linux/s390x');
});

it('knows programs of macOS', () => {
  expect(programPlatform(machO(0xfeedfacf, 0x0100000c))).toBe('darwin/arm64');
  expect(programPlatform(machO(0xfeedfacf, 0x01000007))).toBe('darwin/amd64');
});

it('knows no program of FreeBSD, Windows, or of several architectures, and no other file', () => {
  const freeBsd = elfProgram(62);
  freeBsd[7] = 9;
  const universal = Buffer.alloc(64);
  universal.writeUInt32BE(0xcafebabe, 0);
  const others = [freeBsd, universal, machO(0xfeedface, 7), Buffer.from('MZ'.padEnd(64)), Buffer.from('#!/bin/sh\n')];
  for (const head of [...others, Buffer.alloc(0), elfProgram(62).subarray(0, 30)])
    expect(programPlatform(head)).toBeUndefined();
});
