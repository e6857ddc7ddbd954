import { expect, test } from 'vitest';
import type { Elf } from '../../../../src/operator-scan/image/elf.ts';
import type { GoString } from '../../../../src/operator-scan/image/go-strings.ts';
import { withVariableUses } from '../../../../src/operator-scan/image/variable-uses.ts';

const CODE = { address: 0, offset: 0, size: 100, executable: true, writable: false };
const DATA = { address: 1000, offset: 100, size: 200, executable: false, writable: true };

/**
 * Returns code that takes the given addresses in data (one each ten bytes, from byte 10 on), and data with pointers.
 */
function program(addresses: readonly number[], pointers: Readonly<Record<number, number>> = {}): Elf {
  const bytes = Buffer.alloc(300);
  for (const [i, location] of addresses.entries()) {
    const position = 10 + i * 10;
    bytes.set([0x48, 0x8d, 0x05], position);
    bytes.writeInt32LE(location + 900 - (position + 7), position + 3);
  }
  for (const [position, location] of Object.entries(pointers)) bytes.writeUInt32LE(location + 900, Number(position));
  return { bytes, machine: 'x86-64', regions: [CODE, DATA], data: [DATA], pclntab: undefined };
}

function usesOf(elf: Elf, header: number): readonly number[] | undefined {
  const constant: GoString = { offset: 0, text: 'x', headerOffsets: [header], codeOffsets: [] };
  return withVariableUses(elf, [constant])[0]?.codeOffsets;
}

test('a constant in data is used where the code takes the variable that contains it', () => {
  expect(usesOf(program([116, 132, 164]), 148)).toEqual([23]);
  expect(usesOf(program([148, 148]), 148)).toEqual([13, 23]);
});

test('a constant in a slice is used where the code takes the slice', () => {
  expect(usesOf(program([116, 204], { 204: 140 }), 156)).toEqual([23]);
});

test('a constant without a known variable has no uses; a constant in code keeps its own', () => {
  expect(usesOf(program([164]), 148)).toEqual([]);
  const inCode: GoString = { offset: 0, text: 'x', headerOffsets: [148], codeOffsets: [42] };
  expect(withVariableUses(program([148]), [inCode])[0]?.codeOffsets).toEqual([42]);
});
