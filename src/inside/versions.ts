import type { BuildInfo } from './build-info.ts';
import type { Elf } from './elf.ts';
import type { GoStrings } from './go-strings.ts';
import { isVersion } from './names.ts';
import { compare } from './newest.ts';

/** Words of a variable's name that do not say of what it is the version. */
const SAYS_NOTHING = /^(?:version|default|image|tag|release|current|build)$/;
/** Share of a variable's name that has to be in an image's name: `otelCol` of `opentelemetry-collector` has 3 of 7. */
const LEAST_SHARE = 0.4;
/** Three numbers, or a release like `0.64b0`: two numbers with a dot are anything. */
const PRECISE = /\..*\.|\d[a-z]+\d/;
/** Words that are looked at as headers; a large operator has some hundred thousand that may be one. */
const MOST = 2_000_000;

/** Versions that variables of a program hold: what the linker filled in, and what its source says. Each once. */
export function variableVersions({ bytes, regions }: Elf, strings: GoStrings, { variables }: BuildInfo): string[] {
  const said = [...variables.values()].filter(isVersion);
  if (said.length > 0) return [...new Set(said)];
  const found = new Set<string>();
  let looked = 0;
  for (const { offset, size, address, executable, writable } of regions) {
    if (executable || !writable) continue;
    for (let at = offset + ((8 - (address % 8)) % 8); at + 16 <= offset + size; at += 8) {
      const length = bytes.readUInt32LE(at + 8);
      if (length < 5 || length > 40 || looked++ > MOST) continue;
      const text = strings.header(at);
      if (text !== undefined && PRECISE.test(text) && isVersion(text)) found.add(text);
    }
  }
  return [...found];
}

/** The value of the linker's variable that is named like the image; undefined when none is, or two are. */
export function namedVersion(repository: string, { variables }: BuildInfo): string | undefined {
  const name = (repository.split('/').at(-1) ?? '').toLowerCase().replace(/[^a-z0-9]/g, '');
  const scores = [...variables].flatMap(([variable, value]) => {
    const score = isVersion(value) ? share(variable, name) : 0;
    return score >= LEAST_SHARE ? [{ score, value }] : [];
  });
  const best = Math.max(...scores.map(({ score }) => score));
  const values = new Set(scores.filter(({ score }) => score === best).map(({ value }) => value));
  return values.size === 1 ? [...values][0] : undefined;
}

/** How much of a variable's name stands in an image's; a little more when it is all of that too. */
function share(variable: string, name: string): number {
  const words = variable
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .split(/[^A-Za-z0-9]+/)
    .map((word) => word.toLowerCase())
    .filter((word) => word !== '' && !SAYS_NOTHING.test(word));
  const all = words.join('');
  const there = words.filter((word) => name.includes(word)).join('');
  return all === '' ? 0 : there.length / all.length + (all === name ? 1 : there.length / (name.length * 10));
}

/** Versions, the newest first; those before dates, which are larger as numbers and say nothing. */
export function newestFirst(versions: readonly string[]): string[] {
  const numbers = (version: string): number[] => (version.match(/\d+/g) ?? []).map(Number);
  return versions.toSorted((a, b) => compare(numbers(b), numbers(a)));
}
