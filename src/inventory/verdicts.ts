import * as z from 'zod';
import { AirgapError } from '../base/errors.ts';
import { readLimited } from '../base/read-limited.ts';
import { digestSchema, formatIssues, referenceSchema } from './inventory.ts';

/** What a scanner said of one image of a bundle, for one platform. */
const verdict = z.object({
  image: referenceSchema,
  /** Digest of the image in the bundle. */
  digest: digestSchema,
  /** Digest of the manifest that was scanned: that of the image itself, or of one platform of it. */
  manifest: digestSchema,
  /** Absent for artifacts that are no container images. */
  platform: z.string().optional(),
  /** `passed`: exit code 0. `timeout`: it was ended. */
  status: z.enum(['passed', 'failed', 'timeout']),
  /** Exit code of the scanner, unless a signal ended it. */
  exitCode: z.int().optional(),
  /** Signal that ended the scanner. */
  signal: z.string().optional(),
  /** Last lines of its output, unless the image passed. */
  output: z.string().optional(),
});

const verdictsSchema = z.object({
  apiVersion: z.literal('airgap/v1'),
  kind: z.literal('Verdicts'),
  /** Command as given, with `{}` for the layout, without secrets of known shapes. */
  command: z.string(),
  /** Time at which the last image was scanned. */
  finished: z.iso.datetime(),
  /** Sorted by image and platform. */
  verdicts: z.array(verdict),
});

export type ImageVerdict = Readonly<z.infer<typeof verdict>>;

/** Document of `verify --with`, which `inspect -o html --verdicts` shows. */
export type Verdicts = Readonly<z.infer<typeof verdictsSchema>>;

/** Maximum size of the file: verdicts of ten thousand images, with their output. */
const SIZE_LIMIT = 128 * 1024 ** 2;

/**
 * Reads verdicts. They are not signed: whoever can write the file decides what it says.
 * @throws AirgapError `file` if it cannot be read, `config` if it is something else
 */
export async function readVerdicts(path: string): Promise<Verdicts> {
  const hint = 'give a file of helm airgap verify BUNDLE --with COMMAND --verdicts FILE';
  const refuse = (what: string): AirgapError => new AirgapError('config', `${path} ${what}`, { hint });
  const bytes = await readLimited(path, SIZE_LIMIT, (what, cause) =>
    cause === undefined ? refuse(what) : new AirgapError('file', `the verdicts ${path} ${what}`, { cause }),
  );
  let json: unknown;
  try {
    json = JSON.parse(bytes.toString('utf8'));
  } catch {
    throw refuse('is not JSON');
  }
  if (!isVerdicts(json)) throw refuse('is not a file of verdicts');
  const result = verdictsSchema.safeParse(json);
  if (!result.success) throw refuse(`is not a file of verdicts: ${formatIssues(result.error)}`);
  return result.data;
}

/** Reports whether a parsed file is one of verdicts, of this or another version. */
export function isVerdicts(json: unknown): boolean {
  const { apiVersion, kind } = Object(json) as Record<string, unknown>;
  return kind === 'Verdicts' && String(apiVersion).startsWith('airgap/');
}
