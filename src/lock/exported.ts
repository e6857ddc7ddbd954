import { open, stat } from 'node:fs/promises';
import * as z from 'zod';
import { AirgapError, messageOf } from '../base/errors.ts';
import { jsonText } from '../base/printable.ts';
import { isDigest } from '../oci/digest.ts';
import { issuesOf } from './issues.ts';
import { lockSchema } from './lock.ts';

const digest = z.string().refine(isDigest, 'not a digest');

/** A manifest or blob that a bundle holds, or, of a delta, that it leaves out. */
const blob = z.object({
  digest,
  size: z.int().nonnegative(),
  /** Of a blob of an image: where it was read, in the names of the source. Absent of manifests and of what charts need. */
  repositories: z.array(z.string()).optional(),
});

const exportedSchema = z.object({
  apiVersion: z.literal('airgap/v1'),
  kind: z.literal('BundleLock'),
  schemaVersion: z.literal(1),
  /** Bytes of the bundle. */
  size: z.int().nonnegative(),
  /** Of the lock's manifest: the name by which a delta calls the bundle. */
  lockDigest: digest,
  lock: lockSchema,
  /** By digest. */
  blobs: z.array(blob),
});

/**
 * The lock of a bundle as a file of its own: with what the bundle's lock does not say, since the bundle itself has it,
 * namely every manifest and blob. It stands for the bundle wherever only that is asked.
 */
export type ExportedLock = Readonly<z.infer<typeof exportedSchema>>;
export type ExportedBlob = ExportedLock['blobs'][number];

/** The bytes of the file; equal bundles give equal bytes. A blob is a line, so that version control shows what is new. */
export function formatExportedLock({ blobs, ...rest }: ExportedLock): string {
  const head = jsonText(rest, 1);
  const lines = blobs.map((entry) => `  ${jsonText(entry)}`);
  return `${head.slice(0, -2)},\n "blobs": [\n${lines.join(',\n')}\n ]\n}\n`;
}

/** Far more than the lock of a hundred thousand blobs; what is larger is something else. */
const LIMIT = 256 * 1024 * 1024;

/** How people get one. */
const HOW = 'helm airgap inspect OLD.tar -o lock writes what stands for a bundle; the bundle itself will do too';

/**
 * Reads such a file.
 * @returns undefined for whatever is no JSON document, such as a bundle, and for what is not there
 * @throws AirgapError `bundle-invalid` for another document, with every field that is wrong, ten of them by name
 */
export async function readExportedLock(path: string): Promise<ExportedLock | undefined> {
  const text = await readDocument(path);
  if (text === undefined) return undefined;
  const refuse = (what: string): AirgapError => new AirgapError('bundle-invalid', `${path} ${what}`, { hint: HOW });
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw refuse(`is not JSON: ${messageOf(error)}`);
  }
  const { kind, schemaVersion } = (json ?? {}) as { kind?: unknown; schemaVersion?: unknown };
  if (kind !== 'BundleLock') {
    throw refuse(
      `is ${kind === undefined ? 'no BundleLock' : `of kind ${kind}`}, which does not say all blobs of a bundle`,
    );
  }
  if (typeof schemaVersion === 'number' && schemaVersion > 1) {
    throw refuse(`has schema version ${schemaVersion}; this helm airgap reads 1`);
  }
  const result = exportedSchema.safeParse(json);
  if (result.success) return result.data;
  throw refuse(`does not fit its schema: ${issuesOf(result.error)}`);
}

/** The text of a file that begins like a JSON object. Whoever reads a bundle next says what keeps another from being read. */
async function readDocument(path: string): Promise<string | undefined> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile() || found.size > LIMIT) return undefined;
  const file = await open(path, 'r').catch(() => undefined);
  if (file === undefined) return undefined;
  try {
    const head = Buffer.alloc(64);
    const { bytesRead } = await file.read(head, 0, head.length, 0);
    return /^\s*\{/.test(head.toString('latin1', 0, bytesRead)) ? await file.readFile('utf8') : undefined;
  } finally {
    await file.close();
  }
}
