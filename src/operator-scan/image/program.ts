import { type BuildInfo, isOwnCode } from './build-info.ts';
import type { ScanLocation, ScanTarget } from './candidate.ts';
import type { Elf } from './elf.ts';
import type { FunctionTable } from './function-table.ts';
import type { GoString, GoStrings } from './go-strings.ts';
import { nearbySetting } from './nearby-constants.ts';

/** Parsed program. */
export interface Program {
  readonly elf: Elf;
  readonly strings: GoStrings;
  readonly build: BuildInfo;
  readonly functionTable: FunctionTable | undefined;
  /** Constants that are versions. */
  readonly versions: readonly GoString[];
  readonly target: ScanTarget;
  readonly location: ScanLocation;
}

/** Functions whose names say image, such as `render.(*Agent).defaultImage`, and their closures. */
const IMAGE_FUNCTION = /[./](?!\w*[Pp]ull)\w*[Ii]mage\w*(?:\.func\d+(?:\.\d+)*)?$/;

/** Returns the functions that use a constant. */
export function functionsUsing({ functionTable }: Program, { codeOffsets }: Pick<GoString, 'codeOffsets'>): string[] {
  return codeOffsets.flatMap((use) => functionTable?.nameAt(use) ?? []);
}

/** Returns a function of the operator's own code that uses a constant; undefined if none is known. */
export function ownFunctionUsing(program: Program, constant: Pick<GoString, 'codeOffsets'>): string | undefined {
  return functionsUsing(program, constant).find((name) => isOwnCode(name, program.build));
}

/** Returns the operator's own function that uses a constant, or the setting next to it, if its name says image. */
export function imageCallerOf(program: Program, constant: Pick<GoString, 'codeOffsets'>): string | undefined {
  const imageFunction = functionsUsing(program, constant).find(
    (name) => IMAGE_FUNCTION.test(name) && isOwnCode(name, program.build),
  );
  return imageFunction ?? nearbySetting(program, constant);
}
