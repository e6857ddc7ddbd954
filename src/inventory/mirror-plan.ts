import * as z from 'zod';
import { AirgapError, messageOf } from '../base/errors.ts';
import { isName } from '../base/names.ts';
import { writeOutput } from '../base/output-file.ts';
import { jsonText, quoted } from '../base/printable.ts';
import { readLimited } from '../base/read-limited.ts';
import { compareText } from '../base/text-order.ts';
import { isDigest } from '../oci/digest.ts';
import { formatRepository, type Repository, tryParseRepository } from '../oci/reference.ts';

/**
 * The plan of a mirror (`mirror --plan FILE`): what it copies, of which repositories. It is written once, edited by people, and
 * read by later runs.
 */

const API_VERSION = 'airgap/v1';
const KIND = 'MirrorPlan';

/** Maximum size in bytes: a million tags. */
const SIZE_LIMIT = 128 * 1024 * 1024;
/** Maximum number of problems to name. */
const MAX_PROBLEMS = 10;
const HINT = 'correct it, or delete the file and run mirror again to write a new one';

/** A repository and what to copy of it. */
export interface PlannedRepository {
  readonly repository: Repository;
  /** `TAG`, `DIGEST` or `TAG@DIGEST`, sorted, without duplicates. */
  readonly lookups: readonly string[];
}

const planSchema = z.strictObject({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal(KIND),
  repositories: z.array(
    z.strictObject({
      repository: z.string().refine((text) => tryParseRepository(text) !== undefined, 'is not a repository'),
      tags: z.array(z.string().refine(isLookup, 'is neither a tag nor a digest')),
    }),
  ),
});

/**
 * Reads a plan. Repositories that are listed twice are merged.
 * @throws AirgapError `config` naming each problem with its position
 */
export async function readMirrorPlan(path: string): Promise<readonly PlannedRepository[]> {
  const invalid = (what: string, hint = HINT, cause?: unknown): AirgapError =>
    new AirgapError('config', `--plan ${path} ${what}`, { hint, cause });
  let json: unknown;
  const bytes = await readLimited(path, SIZE_LIMIT, (what, cause) =>
    invalid(what, cause === undefined ? HINT : 'check the path and its permissions', cause),
  );
  const text = bytes.toString('utf8');
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw invalid(`is not JSON: ${messageOf(error)}`, HINT, error);
  }
  const { apiVersion, kind } = Object(json) as { apiVersion?: unknown; kind?: unknown };
  if (kind !== KIND) throw invalid(`is not a plan: its kind is ${shown(kind)}, not ${KIND}`);
  if (apiVersion !== API_VERSION) {
    const hint = 'use the helm airgap that wrote it, or delete the file and run mirror again to write a new one';
    throw invalid(`is of version ${shown(apiVersion)}; this helm airgap reads ${API_VERSION}`, hint);
  }
  const result = planSchema.safeParse(json);
  if (!result.success) throw invalid(`is not valid: ${problemsOf(result.error, json)}`);
  const merged = new Map<string, { readonly repository: Repository; readonly lookups: Set<string> }>();
  for (const { repository: name, tags } of result.data.repositories) {
    const repository = tryParseRepository(name) as Repository;
    const key = formatRepository(repository);
    const entry = merged.get(key) ?? { repository, lookups: new Set() };
    for (const tag of tags) entry.lookups.add(tag);
    merged.set(key, entry);
  }
  return sorted([...merged.values()].map(({ repository, lookups }) => ({ repository, lookups: [...lookups] })));
}

/**
 * Writes a plan, completely or not at all.
 * @throws AirgapError `no-space`, `file`
 */
export async function writeMirrorPlan(path: string, repositories: readonly PlannedRepository[]): Promise<void> {
  await writeOutput(path, formatMirrorPlan(repositories));
}

/** Formats a plan, sorted, so that equal plans are equal texts; with one tag a line, for editing and comparing. */
export function formatMirrorPlan(repositories: readonly PlannedRepository[]): string {
  const entries = sorted(repositories).map(({ repository, lookups }) => ({
    repository: formatRepository(repository),
    tags: lookups,
  }));
  return `${jsonText({ apiVersion: API_VERSION, kind: KIND, repositories: entries }, 2)}\n`;
}

/** Reports whether a text is a tag, a digest, or a tag with a digest. */
function isLookup(text: string): boolean {
  const at = text.indexOf('@');
  if (at < 0) return isDigest(text) || isName('tag', text);
  return isName('tag', text.slice(0, at)) && isDigest(text.slice(at + 1));
}

function sorted(repositories: readonly PlannedRepository[]): readonly PlannedRepository[] {
  return repositories
    .filter(({ lookups }) => lookups.length > 0)
    .map(({ repository, lookups }) => ({ repository, lookups: [...lookups].sort(compareText) }))
    .sort((a, b) => compareText(formatRepository(a.repository), formatRepository(b.repository)));
}

function problemsOf({ issues }: z.ZodError, json: unknown): string {
  const problems = issues.map(({ path, message }) => {
    const value = path.reduce<unknown>((parent, key) => (Object(parent) as Record<PropertyKey, unknown>)[key], json);
    return `${path.map(String).join('.') || 'file'}: ${typeof value === 'string' ? `${quoted(value)} ` : ''}${message}`;
  });
  const more = problems.length > MAX_PROBLEMS ? `; and ${problems.length - MAX_PROBLEMS} more` : '';
  return `${problems.slice(0, MAX_PROBLEMS).join('; ')}${more}`;
}

function shown(value: unknown): string {
  return value === undefined ? 'missing' : quoted(String(value));
}
