import { isOwnCode } from './build-info.ts';
import type { GoString } from './go-strings.ts';
import { settingBeside } from './pairing.ts';
import type { Program } from './recombine.ts';

/** Functions whose names say image, such as `render.(*Agent).defaultImage`, and their closures. */
const OF_IMAGES = /[./](?!\w*[Pp]ull)\w*[Ii]mage\w*(?:\.func\d+(?:\.\d+)*)?$/;

/** Returns the functions that use a constant. */
export function usersOf({ functions }: Program, { code }: Pick<GoString, 'code'>): string[] {
  return code.flatMap((use) => functions?.nameAt(use) ?? []);
}

/** Returns a function of the operator's own code that uses a constant; undefined if none is known. */
export function ownUser(program: Program, constant: Pick<GoString, 'code'>): string | undefined {
  return usersOf(program, constant).find((name) => isOwnCode(name, program.build));
}

/** Returns the operator's own function that uses a constant, or the setting next to it, if its name says image. */
export function imageSayer(program: Program, constant: Pick<GoString, 'code'>): string | undefined {
  const ofImages = usersOf(program, constant).find((name) => OF_IMAGES.test(name) && isOwnCode(name, program.build));
  return ofImages ?? settingBeside(program, constant);
}
