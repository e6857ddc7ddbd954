import { access, constants, stat, writeFile } from 'node:fs/promises';
import { delimiter, join, resolve } from 'node:path';
import { count } from '../../base/count.ts';
import { type Environment, withoutOwnSecrets } from '../../base/environment.ts';
import { AirgapError } from '../../base/errors.ts';
import { pool } from '../../base/pool.ts';
import { printableLine } from '../../base/printable.ts';
import { redact } from '../../base/redact.ts';
import { type GroupEnd, runGroup } from '../../base/run-group.ts';
import { runStep } from '../../base/step.ts';
import { compareText } from '../../base/text-order.ts';
import { type OpenOptions, openCheckedBundle } from '../../bundle/open.ts';
import type { Bundle } from '../../bundle/reading/bundle.ts';
import { LayoutFolders, layoutIndex } from '../../bundle/writing/layout-folder.ts';
import type { ImageVerdict, Verdicts } from '../../inventory/verdicts.ts';
import { commandWords } from '../../lists/index.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import type { Graph, Root } from '../../oci/graph.ts';
import { formatPlatform } from '../../oci/platform.ts';
import { formatReference } from '../../oci/reference.ts';
import { type Context, withScratch } from '../../session/context.ts';
import { Walker } from '../../transfer/walk.ts';
import { platformImages } from '../extract/select-platform.ts';

/** A command that judges one image. */
export interface Scanner {
  /** As given. */
  readonly command: string;
  readonly program: string;
  /** `{}` in them is the path of the layout. */
  readonly args: readonly string[];
}

export interface ScanOptions extends Pick<OpenOptions, 'signers'> {
  readonly scanner: Scanner;
  /** Milliseconds for one image. */
  readonly timeout: number;
  /** Images scanned at the same time. */
  readonly concurrency: number;
}

/** Placeholder of the layout's path in a command. */
const PLACEHOLDER = '{}';

/** Bytes and lines of a scanner's output that are kept. */
const TAIL_BYTES = 16 * 1024;
const TAIL_LINES = 20;

/**
 * Splits the command of `--with`, and finds its program.
 * @throws AirgapError `usage` for what only a shell could do, without `{}`, and for a program that is missing
 */
export async function findScanner({ env, cwd }: Pick<Context, 'env' | 'cwd'>, command: string): Promise<Scanner> {
  const refuse = (what: string, hint: string): AirgapError => new AirgapError('usage', `--with ${what}`, { hint });
  const split = commandWords(command);
  if ('problem' in split) {
    const hint = 'no shell runs it: quote the text, or write a shell yourself, as in --with \'sh -c "…" sh {}\'';
    throw refuse(`'${command}': ${split.problem}`, hint);
  }
  const [program = '', ...args] = split.words;
  if (!args.some((word) => word.includes(PLACEHOLDER))) {
    throw refuse(
      `'${command}' has no {}`,
      "write {} where the image's folder belongs, as in --with 'trivy image --input {}'",
    );
  }
  if (await isMissing(program, env, cwd)) {
    const where = program.includes('/') ? 'does not exist or is not a program' : 'was not found in PATH';
    throw refuse(`'${command}': ${program} ${where}`, 'install the scanner, or give its path');
  }
  return { command, program, args };
}

async function isMissing(program: string, env: Environment, cwd: string): Promise<boolean> {
  const folders = program.includes('/') ? [''] : (env.PATH ?? '').split(delimiter);
  for (const folder of folders) {
    const path = resolve(cwd, join(folder, program));
    const isProgram = (await stat(path).catch(() => undefined))?.isFile() && (await isExecutable(path));
    if (program !== '' && isProgram) return false;
  }
  return true;
}

function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/** A manifest to scan, and the names under which the bundle has it. */
interface ScannedManifest {
  readonly descriptor: Descriptor;
  readonly names: readonly { readonly root: Root; readonly platform: string | undefined }[];
}

/**
 * Hands each image of a bundle to a scanner: for each platform, an OCI image layout with that manifest alone, in a folder
 * that is removed afterwards. Exit code 0 means that the image passed.
 * @throws AirgapError `unsupported` for a delta that lacks content; `usage` if the scanner cannot be started; `bundle-invalid`,
 *   `digest-mismatch`, `no-space`, `interrupted`
 */
export async function scanImages(context: Context, file: string, options: ScanOptions): Promise<Verdicts> {
  const { emit, signal } = context;
  const source = await openCheckedBundle(file, { signers: options.signers, emit });
  try {
    const walker = new Walker(source, { platforms: [], concurrency: options.concurrency, signal });
    const [failure] = await walker.add(source.images().map(({ reference }) => reference));
    if (failure !== undefined) throw failure.error;
    const graph = { ...walker.graph(), roots: source.images() };
    refuseIncomplete(source, graph);
    const manifests = await scannedManifests(source, graph);
    const total = manifests.reduce((sum, { names }) => sum + names.length, 0);
    const verdicts = await withScratch(context, (scratch) =>
      runStep(
        emit,
        `scanning images with ${printableLine(options.scanner.program)}`,
        async (advance) => {
          const layouts = new LayoutFolders(scratch, source, signal);
          const scan = (manifest: ScannedManifest, index: number): Promise<ImageVerdict[]> =>
            layouts.with(`image-${index}`, graph, manifest.descriptor.digest, (path) =>
              scanManifest(context, manifest, path, options, advance),
            );
          return (await pool(manifests, options.concurrency, scan)).flat();
        },
        total,
      ),
    ).catch((error: unknown) => {
      throw asLayoutError(error);
    });
    const key = ({ image, platform = '', manifest }: ImageVerdict): string => `${image} ${platform} ${manifest}`;
    return {
      apiVersion: 'airgap/v1',
      kind: 'Verdicts',
      command: redact(options.scanner.command),
      finished: new Date().toISOString(),
      verdicts: verdicts.sort((a, b) => compareText(key(a), key(b))),
    };
  } finally {
    await source.close();
  }
}

/** Words a full disk: the bundle is only read, and the images are written to the temporary folder. */
function asLayoutError(error: unknown): unknown {
  if (!(error instanceof AirgapError) || error.code !== 'no-space') return error;
  return error.with({
    reason: 'there is not enough space in the temporary folder for the images in flight',
    hint: 'set TMPDIR to a folder with more space, or scan fewer at the same time: --with-concurrency 1',
  });
}

/** Refuses a delta: a scanner would see images without the layers that it omits. */
function refuseIncomplete(source: Bundle, { blobs }: Graph): void {
  const missing = [...blobs.keys()].filter((digest) => !source.entries.has(digest));
  if (missing.length === 0) return;
  throw new AirgapError(
    'unsupported',
    `${source.path} lacks ${count(missing.length, 'blob')} of its images, so no scanner can read them`,
    {
      hint: 'scan a full bundle: a delta omits what its older bundle has',
    },
  );
}

/** Returns each platform of each image once, with all its names. */
async function scannedManifests(source: Bundle, graph: Graph): Promise<ScannedManifest[]> {
  const found = new Map<string, { descriptor: Descriptor; names: { root: Root; platform: string | undefined }[] }>();
  for (const root of graph.roots) {
    const images = await platformImages(source, graph, root);
    const all =
      images.length === 0
        ? [{ descriptor: root.descriptor, platform: undefined }]
        : images.map(({ descriptor, platform }) => ({ descriptor: { ...descriptor, platform }, platform }));
    for (const { descriptor, platform } of all) {
      const entry = found.get(descriptor.digest) ?? { descriptor, names: [] };
      entry.names.push({ root, platform: platform && formatPlatform(platform) });
      found.set(descriptor.digest, entry);
    }
  }
  return [...found.values()];
}

/** Runs the scanner on a layout, once for each name of the image: a policy may judge names. */
async function scanManifest(
  { env, cwd, signal }: Context,
  { descriptor, names }: ScannedManifest,
  path: string,
  { scanner, timeout }: ScanOptions,
  advance: () => void,
): Promise<ImageVerdict[]> {
  const verdicts: ImageVerdict[] = [];
  for (const { root, platform } of names) {
    const image = formatReference(root.reference);
    await writeFile(join(path, 'index.json'), layoutIndex(descriptor, image));
    const args = scanner.args.map((word) => word.replaceAll(PLACEHOLDER, path));
    const variables = {
      AIRGAP_IMAGE: image,
      AIRGAP_DIGEST: root.descriptor.digest,
      AIRGAP_MANIFEST: descriptor.digest,
      // From the image: it may hold any character, and a variable no NUL.
      AIRGAP_PLATFORM: printableLine(platform ?? ''),
      AIRGAP_LAYOUT: path,
    };
    const ended = await runGroup(scanner.program, args, {
      cwd,
      env: { ...withoutOwnSecrets(env), ...variables },
      signal,
      timeout,
      tailBytes: TAIL_BYTES,
    });
    verdicts.push({
      image,
      digest: root.descriptor.digest,
      manifest: descriptor.digest,
      ...(platform === undefined ? {} : { platform }),
      ...judge(scanner, ended),
    });
    advance();
  }
  return verdicts;
}

function judge({ command }: Scanner, ended: GroupEnd): Pick<ImageVerdict, 'status' | 'exitCode' | 'signal' | 'output'> {
  if (ended.end === 'not-run') {
    throw new AirgapError('usage', `--with '${command}' cannot be started (${ended.code})`, {
      hint: 'check that the program runs on this host',
    });
  }
  if (ended.end === 'exit' && ended.code === 0) return { status: 'passed', exitCode: 0 };
  const lines = ended.tail
    .split('\n')
    .map((line) => line.trimEnd())
    .filter((line) => line !== '');
  const output = redact(lines.slice(-TAIL_LINES).join('\n'));
  const words = output === '' ? {} : { output };
  if (ended.end === 'timeout') return { status: 'timeout', ...words };
  return ended.end === 'exit'
    ? { status: 'failed', exitCode: ended.code, ...words }
    : { status: 'failed', signal: ended.name, ...words };
}
