import type { Rule } from '../../discovery/rules/index.ts';
import { releaseOf } from '../../discovery/rules/version.ts';
import { lookupOf, parseReference } from '../../oci/reference.ts';
import type { Inside, InsideFinding } from './listed.ts';
import type { InsideImage } from './subject.ts';

/** A rule to be reviewed: what was found, and what is not known. */
export interface ProposedRule {
  readonly rule: Rule;
  /** Names of its images whose redirect nothing shows. */
  readonly open: readonly string[];
}

/**
 * Rules for what was found inside operators, one an operator, for its very version. A setting that the code has beside
 * an image, or that the manifest of the operator names, is proposed as its redirect; where nothing shows one, it is left
 * open and said to be none.
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
      // The last component mostly says operator, and a bundle tells rules apart by their names.
      operator: operator.path.replaceAll('/', '-'),
      source: `the files of ${operator.registry}/${operator.path}, ${lookupOf(operator)}; read by a program, to be reviewed`,
      when: { images: [operator.path] },
      images: proposed,
    };
    return [{ rule, open }];
  });
}

/** The last component of the name, numbered where there are several. */
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
