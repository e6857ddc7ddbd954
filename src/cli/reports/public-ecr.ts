import { count } from '../../base/count.ts';
import type { ImagePlace, PublicEcrImage, PublicEcrResult, PublicEcrRole } from '../../inventory/public-ecr.ts';
import type { Block, Report } from './report.ts';
import { displayPath, joinLines } from './text.ts';

/** What an image is for, in the table. */
const ROLE_TEXTS: Readonly<Record<PublicEcrRole, string>> = { runs: 'runs', helps: 'helps only', tests: 'tests only' };

/** Images of one group, and how the report heads them. */
export interface PublicEcrGroup {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/**
 * Formats the images by what can be done about them. Notes: a summary.
 * @param cwd folder to which paths of files are relative
 */
export function publicEcrReport(result: PublicEcrResult, cwd: string): Report {
  const blocks = publicEcrGroups(result, cwd).flatMap(({ title, head, rows }): Block[] => [
    joinLines([title]),
    { head, rows },
  ]);
  return { result: blocks, notes: [joinLines(publicEcrSummary(result))] };
}

/** Returns the groups that have images, those to change first. */
export function publicEcrGroups({ images }: PublicEcrResult, cwd: string): PublicEcrGroup[] {
  const ofClass = (wanted: PublicEcrImage['class']): PublicEcrImage[] =>
    images.filter(({ class: found }) => found === wanted);
  const equivalent = ofClass('equivalent');
  const verified = equivalent.filter(({ status }) => status === 'verified');
  const others = equivalent.filter(({ status }) => status !== 'verified');
  const withEquivalent = ['IMAGE', 'IN PUBLIC ECR', 'ANSWER', 'USE', 'NAMED IN'];
  const alone = ['IMAGE', 'ANSWER', 'USE', 'NAMED IN'];
  const pair = (image: PublicEcrImage): string[] => [
    image.reference,
    image.equivalent ?? '',
    answerText(image),
    useText(image),
    placesText(image, cwd),
  ];
  const one = (image: PublicEcrImage): string[] => [
    image.reference,
    answerText(image),
    useText(image),
    placesText(image, cwd),
  ];
  const groups = [
    { title: 'the same image is in Public ECR', head: withEquivalent, rows: verified.map(pair) },
    { title: 'in Public ECR by rule, but not verified as the same', head: withEquivalent, rows: others.map(pair) },
    { title: 'retired from Public ECR', head: alone, rows: ofClass('retired').map(one) },
    { title: 'no known equivalent: a private ECR can hold it', head: alone, rows: ofClass('none').map(one) },
    { title: 'in Public ECR already', head: alone, rows: ofClass('already').map(one) },
  ];
  return groups.flatMap(({ head, ...group }) => {
    if (group.rows.length === 0) return [];
    // A column that says nothing of any image is left out.
    const shown = head.map((_, i) => i === 0 || group.rows.some((row) => row[i] !== ''));
    const pick = (row: readonly string[]): string[] => row.filter((_, i) => shown[i]);
    return [{ ...group, head: pick(head), rows: group.rows.map(pick) }];
  });
}

/** Returns lines with the counts of the run. */
export function publicEcrSummary({ images, charts, files }: PublicEcrResult): string[] {
  const number = (isCounted: (image: PublicEcrImage) => boolean): number => images.filter(isCounted).length;
  const verified = number(({ class: found, status }) => found === 'equivalent' && status === 'verified');
  const counts = [
    `${verified} with the same image in Public ECR`,
    `${number(({ class: found, status }) => found === 'equivalent' && status !== 'verified')} not verified`,
    `${number(({ class: found }) => found === 'retired')} retired`,
    `${number(({ class: found }) => found === 'none')} without an equivalent`,
    `${number(({ class: found }) => found === 'already')} there already`,
  ];
  const sources = [
    ...(charts.length > 0 ? [count(charts.length, 'chart')] : []),
    ...(files.length > 0 ? [count(files.length, 'values file')] : []),
  ];
  const origin = sources.length === 0 ? '' : ` in ${sources.join(' and ')}`;
  const left = images.filter(({ unmapped }) => unmapped.length > 0);
  return [
    `${count(images.length, 'image')}${origin}: ${counts.join(', ')}`,
    ...left.map(
      ({ reference, unmapped }) => `${reference} is also named where no values file changes it: ${reasons(unmapped)}`,
    ),
    ...images
      .filter(({ losesSignatures }) => losesSignatures)
      .map(
        ({ reference, equivalent }) =>
          `${reference} is signed; ${equivalent} has no signatures, so a policy that verifies them refuses it`,
      ),
  ];
}

function reasons(unmapped: PublicEcrImage['unmapped']): string {
  const places = unmapped.map(({ template, object, reason }) => {
    const place = template === '' ? object : template;
    return place === '' ? reason : `${place} (${reason})`;
  });
  return [...new Set(places)].join(', ');
}

function answerText({
  class: found,
  status,
  why,
  missingPlatforms = [],
  retired,
  losesSignatures,
}: PublicEcrImage): string {
  if (retired !== undefined)
    return `public.ecr.aws/${retired.alias} was retired on ${retired.since} (${retired.source})`;
  switch (status) {
    case 'verified':
      if (found === 'already') return 'exists';
      return losesSignatures ? 'same image, without its signatures' : 'same image';
    case 'different-digest':
      return 'another digest';
    case 'different-platforms':
      return `lacks ${missingPlatforms.join(', ')}`;
    case 'not-found':
      return 'does not exist';
    case 'unconfirmed':
      return why === undefined ? 'unconfirmed' : `unconfirmed: ${why}`;
    case undefined:
      return '';
  }
}

function useText({ role, pinned }: PublicEcrImage): string {
  return pinned ? `${ROLE_TEXTS[role]}, pinned by digest` : ROLE_TEXTS[role];
}

/** Formats all places of an image, `charts/app/values.yaml:12 image.repository`; else the objects that name it. */
function placesText({ places, unmapped }: PublicEcrImage, cwd: string): string {
  if (places.length > 0) return [...new Set(places.map((place) => placeText(place, cwd)))].join(', ');
  return [...new Set(unmapped.map(({ object, template }) => object || template))].join(', ');
}

function placeText({ file, inArchive, line, path }: ImagePlace, cwd: string): string {
  const place = `${displayPath(file, cwd)}${inArchive === undefined ? '' : `!${inArchive}`}:${line}`;
  return path === '' ? place : `${place} ${path}`;
}
