import { parseDocument, stringify } from 'yaml';
import { z } from 'zod';
import { AirgapError } from '../base/errors.ts';
import { isDigest } from '../oci/digest.ts';

/**
 * The lock file, `airgap.lock`: the list of charts and images with versions and digests, to be reviewed and kept in
 * version control. What is bundled by it is not discovered anew.
 */

const digest = z.string().refine(isDigest, 'not a digest');

const chart = z.strictObject({
  name: z.string().min(1),
  version: z.string().min(1),
  /** As Helm is asked for it: a name in `repo`, a path beside the lock file, or oci://… */
  chart: z.string().min(1),
  repo: z.string().optional(),
  /** Of the chart archive. */
  digest,
  /** The chart that brings it, when it is one within another. */
  parent: z.string().optional(),
});

const image = z.strictObject({
  /** Full, normalised reference. */
  reference: z.string().min(1),
  /** Of the manifest or index behind it; absent when no registry was asked. */
  digest: digest.optional(),
  need: z.enum(['install', 'operand', 'lifecycle', 'optional', 'test']),
  /** Names of the charts that want it; empty when it was added by name. */
  charts: z.array(z.string()),
});

const schema = z.strictObject({
  apiVersion: z.literal('airgap/v1'),
  kind: z.literal('LockFile'),
  charts: z.array(chart),
  images: z.array(image),
});

export type LockFile = Readonly<z.infer<typeof schema>>;
export type LockFileChart = LockFile['charts'][number];
export type LockFileImage = LockFile['images'][number];

/**
 * @param where the file's name, for messages
 * @throws AirgapError `config` with every field that is wrong
 */
export function parseLockFile(text: string, where: string): LockFile {
  const document = parseDocument(text, { prettyErrors: true });
  const problems = document.errors.map(({ message }) => message);
  const result = problems.length === 0 ? schema.safeParse(document.toJS()) : undefined;
  if (result?.success) return result.data;
  for (const { path, message } of result?.error.issues ?? []) problems.push(`${path.join('.') || 'file'}: ${message}`);
  throw new AirgapError('config', problems.map((problem) => `${where}: ${problem}`).join('\n'), {
    hint: 'write it with helm airgap images … --lock FILE',
  });
}

/** YAML in a fixed order: equal content gives equal bytes. */
export function formatLockFile({ charts, images }: Pick<LockFile, 'charts' | 'images'>): string {
  const content = {
    apiVersion: 'airgap/v1',
    kind: 'LockFile',
    charts: [...charts].sort((a, b) => compare(`${a.name} ${a.version}`, `${b.name} ${b.version}`)),
    images: [...images].sort((a, b) => compare(a.reference, b.reference)),
  } satisfies LockFile;
  return stringify(content, { lineWidth: 0, aliasDuplicateObjects: false });
}

/** One difference between what is locked and what is found, in words. */
export function driftOf(locked: LockFile, found: Pick<LockFile, 'charts' | 'images'>): string[] {
  const charts = differences(
    locked.charts,
    found.charts,
    ({ name, parent }) => `${parent ?? ''}/${name}`,
    (was, is) =>
      was.version !== is.version
        ? `chart ${is.name}: ${was.version} is locked, ${is.version} is found`
        : was.digest === is.digest
          ? undefined
          : `chart ${is.name} ${is.version}: its content has changed`,
  ).map((line) => line.replace(/^\+ .*?\//, '+ chart ').replace(/^- .*?\//, '- chart '));
  const images = differences(
    locked.images,
    found.images,
    ({ reference }) => reference,
    (was, is) =>
      was.digest === undefined || is.digest === undefined || was.digest === is.digest
        ? undefined
        : `${is.reference}: ${was.digest} is locked, the registry has ${is.digest}`,
  );
  return [...charts, ...images];
}

function differences<T>(
  locked: readonly T[],
  found: readonly T[],
  keyOf: (entry: T) => string,
  change: (was: T, is: T) => string | undefined,
): string[] {
  const before = new Map(locked.map((entry) => [keyOf(entry), entry]));
  const after = new Map(found.map((entry) => [keyOf(entry), entry]));
  const added = [...after.keys()].filter((key) => !before.has(key)).map((key) => `+ ${key} is found and not locked`);
  const removed = [...before.keys()].filter((key) => !after.has(key)).map((key) => `- ${key} is locked and not found`);
  const changed = [...after].flatMap(([key, is]) => {
    const was = before.get(key);
    return was === undefined ? [] : (change(was, is) ?? []);
  });
  return [...removed, ...added, ...changed];
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
