import { type Elf, offsetOf, readWord } from './elf.ts';
import type { GoString } from './go-strings.ts';

/** Maximum bytes of a variable before a header in it; lists of defaults are among the largest. */
const MAX_VARIABLE_BYTES = 4096;
/** Maximum headers whose variables are searched, and maximum uses of one. */
const MAX_HEADERS = 500;
const MAX_USES = 8;
/** Maximum instructions read; the largest operators have a million. */
const MAX_INSTRUCTIONS = 4_000_000;

/** Variable or array that contains a string header: the last address before the header that something takes. */
interface HeaderVariable {
  readonly header: number;
  start: number;
  uses: number[];
}

/**
 * Adds code uses to constants that are only in data, in a variable or in the array of a slice: the uses of the variable
 * that contains their header. Variables start at addresses that code or data refer to.
 */
export function withVariableUses<C extends GoString>(elf: Elf, constants: readonly C[]): C[] {
  const dataOnly = constants
    .filter(({ codeOffsets, headerOffsets }) => codeOffsets.length === 0 && headerOffsets.length > 0)
    .slice(0, MAX_HEADERS);
  if (dataOnly.length === 0) return [...constants];
  const headers = dataOnly.map(({ headerOffsets: [header = 0] }) => header);
  const slicesByHeader = variablesHolding(elf, headers, scanPointers);
  // Code takes the address of the slice; only the slice points to its elements.
  const slices = [...slicesByHeader.values()].flatMap(({ uses }) => uses);
  const variablesByHeader = variablesHolding(elf, [...headers, ...slices], scanInstructions);
  return constants.map((constant) => {
    const [header = -1] = constant.headerOffsets;
    if (constant.codeOffsets.length > 0 || !slicesByHeader.has(header)) return constant;
    const [slice, variable] = [slicesByHeader.get(header), variablesByHeader.get(header)];
    const isInSlice = (slice?.start ?? -1) > (variable?.start ?? -1);
    const codeOffsets = isInSlice
      ? slice?.uses.flatMap((slice) => variablesByHeader.get(slice)?.uses ?? [])
      : variable?.uses;
    return { ...constant, codeOffsets: (codeOffsets ?? []).slice(0, MAX_USES) };
  });
}

type AddressScan = (elf: Elf, found: (target: number, position: number) => void) => void;

function variablesHolding(elf: Elf, headers: readonly number[], scan: AddressScan): Map<number, HeaderVariable> {
  const variables = new Map(
    headers.map((header): [number, HeaderVariable] => [header, { header, start: -1, uses: [] }]),
  );
  const sorted = [...variables.values()].toSorted((a, b) => a.header - b.header);
  scan(elf, (target, position) => recordUse(sorted, target, position));
  return variables;
}

/** Takes the target as the start of the variable of all near headers after it, unless a later start is known. */
function recordUse(variables: readonly HeaderVariable[], target: number, position: number): void {
  let [low, high] = [0, variables.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((variables[middle]?.header ?? 0) < target) low = middle + 1;
    else high = middle;
  }
  for (let i = low; i < variables.length; i++) {
    const variable = variables[i] as HeaderVariable;
    if (variable.header - target > MAX_VARIABLE_BYTES) return;
    if (target < variable.start) continue;
    if (target > variable.start) {
      variable.start = target;
      variable.uses = [];
    }
    if (variable.uses.length < MAX_USES) variable.uses.push(position);
  }
}

/** Reports pointers in data that point to data. */
function scanPointers({ bytes, data }: Elf, onAddress: (target: number, position: number) => void): void {
  const writable = data.filter((region) => region.writable);
  for (const { offset, size, address } of writable) {
    for (let position = offset + ((8 - (address % 8)) % 8); position + 8 <= offset + size; position += 8) {
      const target = offsetOf(writable, readWord(bytes, position), 1);
      if (target !== undefined) onAddress(target, position);
    }
  }
}

/** Reports data addresses in 64-bit RIP-relative `MOV` and `LEA` instructions (Intel SDM, volume 2). */
function scanInstructions({ bytes, regions, data }: Elf, onAddress: (target: number, position: number) => void): void {
  const writable = data.filter((region) => region.writable);
  const first = Math.min(...writable.map(({ address }) => address));
  const end = Math.max(...writable.map(({ address, size }) => address + size));
  for (const { offset, size, address, executable } of regions) {
    if (!executable) continue;
    const code = bytes.subarray(offset, offset + size);
    for (const position of instructionsInto(code, first - address, end - address)) {
      const target = offsetOf(writable, address + position + 6 + code.readInt32LE(position + 2), 1);
      if (target !== undefined) onAddress(target, offset + position + 2);
    }
  }
}

/**
 * Returns the offsets of opcodes whose target is between `first` and `last`, both relative to the start of the code.
 * This loop visits every byte of the code, so it does nothing else.
 */
function instructionsInto(code: Buffer, first: number, last: number): number[] {
  const found: number[] = [];
  const view = new DataView(code.buffer, code.byteOffset, code.length);
  const end = code.length - 6;
  for (let position = 1; position < end && found.length < MAX_INSTRUCTIONS; position++) {
    const opcode = code[position];
    if (opcode !== 0x8b && opcode !== 0x8d) continue;
    if (((code[position + 1] as number) & 0xc7) !== 0x05 || ((code[position - 1] as number) & 0xfb) !== 0x48) continue;
    const target = position + 6 + view.getInt32(position + 2, true);
    if (target >= first && target < last) found.push(position);
  }
  return found;
}
