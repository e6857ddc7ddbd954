import type { SplitPart } from '../inventory/finding.ts';

/**
 * Strength of the evidence that a name gives for its value being an image: `typed` by the Kubernetes API, `artifact` by the
 * API of a resource whose controller pulls it, with or without a scheme, `key` by its own name (`image`, `FOO_IMAGE`,
 * `--foo-image`), `context` by the name of an enclosing field (`images:`), or `none`.
 */
export type Evidence = 'typed' | 'artifact' | 'key' | 'context' | 'none';

/**
 * Part of a split reference that a name denotes. `version`, `name` and `prefix` are weak: they mean other things elsewhere.
 */
export type SplitRole = SplitPart['role'] | 'version' | 'name' | 'prefix';

/**
 * Splits a key, an environment variable or a flag into lower-case words: `config.linkerd.io/proxyImage` becomes proxy,
 * image.
 */
export function wordsOf(key: string): string[] {
  return key
    .slice(key.lastIndexOf('/') + 1)
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replace(/([A-Z])([A-Z][a-z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .flatMap((word) => (/^[a-z]+images?$/.test(word) ? [word.replace(/images?$/, ''), 'image'] : [word]))
    .map((word) => (word === 'images' ? 'image' : word))
    .filter((word) => word !== '');
}

/** Words that may follow `image` in a name whose value is still a complete reference. */
const STILL_IMAGE = new Set(['name', 'ref', 'reference', 'full', 'default', 'override']);
/** Words that follow `image` in names of something else, such as `imagePullPolicy`. */
const NOT_IMAGE = new Set(
  'pull policy secret secrets tag tags version registry registries repository repositories repo digest sha sha256 id type format gc size scan scanner hub prefix suffix enabled cache'.split(
    ' ',
  ),
);
/** Words before `image` that denote other images: virtual machines, pictures. */
const OTHER_IMAGE = new Set(
  'os vm ami machine disk boot iso background logo cover profile icon favicon gce source avatar banner'.split(' '),
);

/** Returns the evidence that a name gives for its value, considering the evidence of the enclosing names. */
export function evidenceOf(key: string, contextEvidence: Evidence): Evidence {
  if (contextEvidence === 'none' && !/image/i.test(key)) return 'none';
  const words = wordsOf(key);
  const index = words.lastIndexOf('image');
  if (index < 0) return contextEvidence === 'none' || isSplitPart(words) ? 'none' : 'context';
  if (index > 0 && OTHER_IMAGE.has(words[index - 1] ?? '')) return 'none';
  const following = words.slice(index + 1);
  if (following.some((word) => NOT_IMAGE.has(word)) && words[0] !== 'related') return 'none';
  // Operators append a tag to a base image; without one the value is not yet a reference.
  if (words[index - 1] === 'base') return 'context';
  return words[0] === 'related' || following.every((word) => STILL_IMAGE.has(word)) ? 'key' : 'context';
}

/** Reports whether the words denote only a part of a split reference. A name may contain the complete reference. */
function isSplitPart(words: readonly string[]): boolean {
  const role = roleOf(words, false)?.role;
  return role !== undefined && role !== 'name';
}

/** Names of the fields of split references in charts and custom resources, by their last one or two words. */
const ROLES: readonly (readonly [SplitRole, readonly string[]])[] = [
  ['tag', ['tag', 'tags']],
  ['version', ['version']],
  ['digest', ['digest', 'sha', 'sha256']],
  ['registry', ['registry', 'hub', 'registry url', 'registry host', 'registry server', 'registry prefix', 'repo url']],
  ['repository', ['repository', 'repo', 'repository url', 'repository name', 'base image']],
  ['image', ['image', 'image name']],
  ['name', ['name']],
  // Beginnings of references, for the images below or beside.
  ['prefix', ['base', 'prefix', 'base url', 'image prefix', 'image base']],
];

/** Fast check that avoids splitting most keys into words. */
const ENDS_IN_ROLE =
  /(?:tags?|version|digest|sha|sha256|registry|hub|url|host|server|prefix|base|repository|repo|images?|name)\W*$/i;

/** Returns the part of a split reference that a key denotes, and the stem that it shares with the other parts. */
export function splitRoleOf(key: string, underImage: boolean): { role: SplitRole; stem: string } | undefined {
  if (!ENDS_IN_ROLE.test(key)) return undefined;
  const words = wordsOf(key);
  const role = roleOf(words, underImage);
  if (role === undefined) return undefined;
  const stem = words.slice(0, words.length - role.length).filter((word) => word !== 'image');
  return { role: role.role, stem: stem.join(' ') };
}

function roleOf(words: readonly string[], underImage: boolean): { role: SplitRole; length: number } | undefined {
  const lastTwoWords = words.slice(-2).join(' ');
  const lastWord = words.at(-1) ?? '';
  const twoWordRole = words.length < 2 ? undefined : ROLES.find(([, names]) => names.includes(lastTwoWords));
  if (twoWordRole !== undefined) return { role: twoWordRole[0], length: 2 };
  const oneWordRole = ROLES.find(([, names]) => names.includes(lastWord));
  if (oneWordRole === undefined) return undefined;
  // `RELATED_IMAGE_X_NAME` is the name of an image, `IMAGE_PULL_SECRET_NAME` is not.
  const isImageName = words.includes('image') && !words.some((word) => NOT_IMAGE.has(word));
  return { role: oneWordRole[0] === 'name' && (underImage || isImageName) ? 'image' : oneWordRole[0], length: 1 };
}
