import type { Rule } from '../../discovery/rules/index.ts';
import { releaseOf } from '../../discovery/rules/version.ts';
import { lookupOf, parseReference } from '../../oci/reference.ts';
import type { Inside, InsideFinding } from './listed.ts';
import type { InsideImage } from './subject.ts';

/** Rule to be reviewed by the user. */
export interface ProposedRule {
  readonly rule: Rule;
  /** Names of its images without a known redirect. */
  readonly open: readonly string[];
}

/**
 * Proposes rules for scan findings: one per operator, for its exact version. The redirect of an image is the setting
 * next to its name in code, or a matching one in the manifest of the operator; otherwise `none`, to be completed by the
 * user.
 */
export function proposeRules({ found }: Pick<Inside, 'found'>, images: readonly InsideImage[]): ProposedRule[] {
  return images.flatMap((image): ProposedRule[] => {
    const mine = found.filter((one) => one.image === image.image && one.confidence !== 'low');
    if (mine.length === 0) return [];
    const operator = parseReference(image.image);
    const release = releaseOf(operator.tag);
    const open: string[] = [];
    const names = new Set<string>();
    const proposed = mine.map((candidate): Rule['images'][number] => {
      const name = nameOf(candidate, names);
      const redirect = redirectOf(candidate, image) ?? { kind: 'none' as const };
      if (redirect.kind === 'none') open.push(name);
      return {
        name,
        reference: candidate.reference,
        source: `${candidate.file}: ${candidate.evidence}`,
        ...(release === undefined ? {} : { versions: release }),
        need: 'optional',
        redirect,
      };
    });
    const rule: Rule = {
      // The full path, since the last component is often just `operator` and rule names must differ.
      operator: operator.path.replaceAll('/', '-'),
      source: `the files of ${operator.registry}/${operator.path}, ${lookupOf(operator)}; found by the operator image scan, to be reviewed`,
      when: { images: [operator.path] },
      images: proposed,
    };
    return [{ rule, open }];
  });
}

/** Returns the last path component, with a number if it is taken. */
function nameOf({ reference }: InsideFinding, names: Set<string>): string {
  const last = parseReference(reference).path.split('/').at(-1) ?? reference;
  let name = last;
  for (let i = 2; names.has(name); i++) name = `${last}-${i}`;
  names.add(name);
  return name;
}

type Redirect = Rule['images'][number]['redirect'];

function redirectOf({ setting, reference }: InsideFinding, { containers }: InsideImage): Redirect | undefined {
  if (setting !== undefined && /^[A-Z][A-Z0-9_]*$/.test(setting)) return { kind: 'env', name: setting };
  if (setting !== undefined && /^[a-z][a-z0-9]*(?:-[a-z0-9]+)+$/.test(setting)) {
    return { kind: 'argument', name: `--${setting}` };
  }
  const words = wordsOf(parseReference(reference).path.split('/').at(-1) ?? '');
  const fits = (name: string): boolean => /image/i.test(name) && words.every((word) => wordsOf(name).includes(word));
  const variable = containers.flatMap(({ variables }) => variables).find(fits);
  if (variable !== undefined) return { kind: 'env', name: variable };
  const flags = containers.flatMap((container) => container.words).flatMap((word) => /^--[\w-]+/.exec(word)?.[0] ?? []);
  const flag = flags.find(fits);
  return flag === undefined ? undefined : { kind: 'argument', name: flag };
}

function wordsOf(name: string): string[] {
  return name
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '');
}
