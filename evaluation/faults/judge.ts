import { readFileSync } from 'node:fs';
import { checkImages, head } from '../registry.ts';
import { filesIn, hashOf, type Trial, type Workspace } from './worker.ts';
import { NAMES } from './workload.ts';

/** Manifests that every run has to bring: repository and tag, or the digest where it has none, with the digest. */
export type Expected = ReadonlyMap<string, string>;

/** Files that a failed run may leave for the next one to resume from. */
const UNFINISHED = /^out\.tar\.partial(?:\.journal)?$/;
/** A killed run cannot remove its lock. The next run detects that its process is gone. */
const KILLED = /^out\.tar\.partial(?:\.journal|\.lock)?$/;

/** Facts by which an error names its step: a digest, a tag, the kind of content, the download of a chart, or a list. */
const STEP =
  /sha256[:-][0-9a-f]{12}|manifest|blob|layer|upload|referrer|token|:(?:1|2|1\.0\.0)(?![\w.])|(?:fetch|pull|download)\w* (?:the )?chart|tags of|repositories of/i;

/** Checks that hold for every run, however it ends. */
export function* checkRun(trial: Trial, { temporary }: Workspace): Generator<string> {
  const { err, leaks, isHung, code } = trial;
  if (isHung) yield 'it does not end';
  if (code !== 0 && code !== 1) yield `it ends with ${code}`;
  for (const leak of leaks) yield `credentials went to another host: ${leak}`;
  if (/^ {4}at \S/m.test(err)) yield 'it prints a stack trace';
  if (/^Error: (?:unexpected|internal)\b[^:]*: /im.test(err)) yield 'it reports a fault of its own';
  if (/token-of-age|a-word-nobody-may-see/.test(err)) yield 'it prints a secret';
  yield* checkPrinted(err);
  const left = filesIn(temporary);
  if (left.length > 0) yield `it leaves ${left.join(', ')} in TMPDIR`;
}

/** Lines that a run may write to stderr, whatever happens to it. */
const MOST_LINES = 25;

/** Checks of everything that a run wrote to stderr. */
function* checkPrinted(err: string): Generator<string> {
  const lines = err.split('\n').filter((line) => line.trim() !== '');
  if (lines.length > MOST_LINES) yield `it prints ${lines.length} lines`;
  for (const line of new Set(lines.filter((line, i) => lines.indexOf(line) !== i))) yield `it prints twice: ${line}`;
  for (const line of lines) {
    if (/\b(?:undefined|NaN|null)\b|\[object /.test(line)) yield `it prints a value without a meaning: ${line}`;
    if (/^\s*(?:Hint|Error|warning):?\s*$/i.test(line)) yield `it prints an empty line of "${line}"`;
  }
}

/** Checks of a failed run: its error names the image or chart, and the step. Only the catalogue belongs to no image. */
export function* checkFailure({ err, out }: Trial, step: string, isSingle: boolean): Generator<string> {
  const error = errorOf(err);
  if (error === '') yield 'it prints no error';
  if (out !== '') yield 'it prints a result';
  const affected = NAMES.filter((name) => step.includes(name));
  const expected = isSingle && affected.length > 0 ? affected : NAMES;
  const isCatalogue = /\b(?:repositories of|token)\b/.test(error) && step.includes('/_catalog');
  if (!isCatalogue && !expected.some((name) => error.includes(name))) yield `it does not name ${expected.join(' or ')}`;
  if (!STEP.test(error)) yield 'it names no step';
}

/** The text from the first error on, without the progress before it. */
export function errorOf(err: string): string {
  return err.slice(err.search(/^Error: /m) < 0 ? err.length : err.search(/^Error: /m));
}

/** Checks that the bundle exists and is the same as without faults. */
export function* checkBundle({ folder, file }: Workspace, expected: string): Generator<string> {
  const files = filesIn(folder);
  if (files.join() !== 'out.tar') yield `the folder holds ${files.join(', ') || 'nothing'}`;
  else if (hashOf(file) !== expected) yield 'the bundle has other bytes than without faults';
}

/** Checks that no file looks finished. */
export function* checkNoBundle({ folder }: Workspace, isKilled = false): Generator<string> {
  const mayBe = isKilled ? KILLED : UNFINISHED;
  const odd = filesIn(folder).filter((name) => !mayBe.test(name));
  if (odd.length > 0) yield `it leaves ${odd.join(', ')}`;
}

/**
 * Pulls everything below the tags from the real registry.
 * @param tags `REPOSITORY:TAG` below the prefix, with its expected digest
 */
export async function checkRegistry(host: string, prefix: string, tags: Expected): Promise<string[]> {
  const images = [...tags].map(([name, digest]) => {
    const [, repository, reference = ''] = /^([^:]*):(.*)$/.exec(name) ?? [];
    return { repository: `${prefix}/${repository}`, reference, digest };
  });
  const wrong = await checkImages(host, images, 'content');
  return wrong.map((fault) => fault.replaceAll(`${prefix}/`, ''));
}

interface Receipt {
  readonly items: readonly { readonly target: string; readonly digest: string }[];
  readonly referrers: readonly {
    readonly repository: string;
    readonly tag?: string;
    readonly digest: string;
    readonly status: string;
  }[];
}

/** Tags and referrers of a receipt, below the prefix. */
export function tagsOfReceipt(file: string, prefix: string): Expected {
  const { items, referrers } = JSON.parse(readFileSync(file, 'utf8')) as Receipt;
  const there = referrers.filter(({ status }) => status === 'pushed' || status === 'present');
  return new Map([
    ...items.map(({ target, digest }) => [namedBelow(target, prefix), digest] as const),
    ...there.map(
      ({ repository, tag, digest }) => [`${namedBelow(repository, prefix)}:${tag ?? digest}`, digest] as const,
    ),
  ]);
}

/** Content that the log reports as sent, and that the registry does not have. */
export async function checkLog(host: string, prefix: string, log: string): Promise<string[]> {
  const wrong: string[] = [];
  for (const line of log.split('\n').filter((text) => text !== '')) {
    const { event, status, item, repository, digest, tag } = JSON.parse(line) as Record<string, string>;
    if (event !== 'transfer' || status === 'failed') continue;
    const path = `${namedBelow(repository ?? '', prefix)}/${item}s/${item === 'manifest' ? (tag ?? digest) : digest}`;
    const answer = await head(host, `${prefix}/${path}`);
    if (!answer.ok) wrong.push(`the log says "${status}" of ${path}, and it is not there (${answer.status})`);
  }
  return wrong;
}

function namedBelow(name: string, prefix: string): string {
  const start = name.indexOf(`${prefix}/`);
  return start < 0 ? name : name.slice(start + prefix.length + 1).replace(/@.*$/, '');
}
