import { isOwnCode } from './build-info.ts';
import type { GoString } from './go-strings.ts';
import { settingBeside } from './pairing.ts';
import type { Program } from './recombine.ts';

/** A function whose name says image: `render.(*Agent).defaultImage`, and what is written within it. */
const OF_IMAGES = /[./](?!\w*[Pp]ull)\w*[Ii]mage\w*(?:\.func\d+(?:\.\d+)*)?$/;

/** The functions that take a constant. */
export function usersOf({ functions }: Program, { code }: Pick<GoString, 'code'>): string[] {
  return code.flatMap((use) => functions?.nameAt(use) ?? []);
}

/** A function of the operator's own that takes a constant; undefined when only libraries do, or nobody can say. */
export function ownUser(program: Program, constant: Pick<GoString, 'code'>): string | undefined {
  return usersOf(program, constant).find((name) => isOwnCode(name, program.build));
}

/** The setting beside a constant, or the function of the operator's own that takes it, if its name says image. */
export function imageSayer(program: Program, constant: Pick<GoString, 'code'>): string | undefined {
  const ofImages = usersOf(program, constant).find((name) => OF_IMAGES.test(name) && isOwnCode(name, program.build));
  return ofImages ?? settingBeside(program, constant);
}
