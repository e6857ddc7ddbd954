import { createReadStream } from 'node:fs';
import { basename } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { Parser } from 'tar';
import { AirgapError, messageOf } from '../../../base/errors.ts';
import { isName } from '../../../base/names.ts';
import { runProgram } from '../../../base/run-program.ts';
import type { ToolFile } from '../../../bundle/writing/tool-files.ts';
import { environmentFor } from '../../../helm/environment.ts';
import type { Context } from '../../../session/context.ts';
import { PROGRAM_HEAD, programPlatform } from './program-platform.ts';
import { firstBytes, toolFile } from './tool-file.ts';

/** Maximum bytes unpacked of a release archive; those of Helm have about 60 MB. */
const UNPACKED_LIMIT = 512 * 1024 * 1024;

/** Time to print a version, in milliseconds. */
const VERSION_TIMEOUT = 30_000;

const HELM_HINT = 'give a helm program for Linux or macOS, or its release archive (.tar.gz)';

/** Node's names of this machine's architecture, where they differ from Go's. */
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386' };

/**
 * Returns a Helm program or a release archive of one as a tool: `helm-VERSION-OS-ARCH` or `helm-VERSION-OS-ARCH.tar.gz`.
 * The version is known if the program runs on this machine, or from the name of the archive; else it is left out.
 * @throws AirgapError `usage` for other files; `file`
 */
export async function helmProgram(path: string, context: Pick<Context, 'cwd' | 'env' | 'signal'>): Promise<ToolFile> {
  const head = await firstBytes(path, PROGRAM_HEAD);
  if (head[0] === 0x1f && head[1] === 0x8b) return helmArchive(path);
  const platform = programPlatform(head);
  if (platform === undefined) throw notHelm(path, 'is not a program for Linux or macOS');
  const version = platform === ownPlatform() ? await versionOf(path, context) : undefined;
  return toolFile(path, { name: toolNameFor(version, platform), platform, executable: true });
}

async function helmArchive(path: string): Promise<ToolFile> {
  const head = await programInArchive(path).catch((cause: unknown) => {
    throw notHelm(path, `cannot be read: ${messageOf(cause)}`, cause);
  });
  if (head === undefined) throw notHelm(path, 'contains no file helm');
  const platform = programPlatform(head);
  if (platform === undefined) throw notHelm(path, 'contains a helm that is not for Linux or macOS');
  const suffix = `-${platform.replace('/', '-')}.tar.gz`;
  const given = basename(path);
  const version = given.startsWith('helm-') && given.endsWith(suffix) ? given.slice(5, -suffix.length) : '';
  const known = isName('chart version', version) ? version : undefined;
  return toolFile(path, { name: `${toolNameFor(known, platform)}.tar.gz`, platform });
}

function toolNameFor(version: string | undefined, platform: string): string {
  return ['helm', ...(version === undefined ? [] : [version]), ...platform.split('/')].join('-');
}

function ownPlatform(): string {
  return `${process.platform}/${ARCHITECTURES[process.arch] ?? process.arch}`;
}

/** Asks a program for its version. @throws AirgapError `usage` if it is not a Helm */
async function versionOf(path: string, { cwd, env, signal }: Pick<Context, 'cwd' | 'env' | 'signal'>): Promise<string> {
  const end = await runProgram(path, ['version', '--short'], {
    cwd,
    env: { ...environmentFor('nothing', env), HELM_NO_PLUGINS: '1', HELM_DEBUG: 'false' },
    signal,
    timeout: VERSION_TIMEOUT,
    maxBytes: 64 * 1024,
  });
  const version = 'output' in end ? /^v\d[\w.-]*/.exec(end.output)?.[0] : undefined;
  if (version !== undefined && isName('chart version', version)) return version;
  throw notHelm(path, 'does not print a version of Helm when it is called with "version --short"');
}

/** Ends the reading of an archive. */
class Found extends Error {
  readonly head: Buffer;

  constructor(head: Buffer) {
    super();
    this.head = head;
  }
}

/**
 * Returns the first bytes of the first file `helm` in a gzipped tar; undefined if it has none.
 * @throws Error if it is damaged, or too large
 */
async function programInArchive(path: string): Promise<Buffer | undefined> {
  let head = Buffer.alloc(0);
  let isComplete = false;
  let problem: unknown;
  const parser = new Parser({
    strict: true,
    brotli: false,
    zstd: false,
    onReadEntry: (entry) => {
      if (!isComplete && head.length === 0 && entry.type === 'File' && basename(entry.path) === 'helm') {
        entry.on('data', (chunk: Buffer) => {
          if (head.length < PROGRAM_HEAD) head = Buffer.concat([head, chunk.subarray(0, PROGRAM_HEAD - head.length)]);
        });
        entry.on('end', () => {
          isComplete = true;
        });
      }
      entry.resume();
    },
  });
  parser.on('error', (error: unknown) => {
    problem ??= error;
  });
  let budget = UNPACKED_LIMIT;
  try {
    await pipeline(createReadStream(path), createGunzip(), async (unpacked: AsyncIterable<Buffer>) => {
      for await (const chunk of unpacked) {
        budget -= chunk.length;
        if (budget < 0) throw new Error(`it unpacks to more than ${UNPACKED_LIMIT} bytes`);
        parser.write(chunk);
        if (problem !== undefined) throw problem;
        if (isComplete || head.length === PROGRAM_HEAD) throw new Found(head);
      }
    });
  } catch (error) {
    if (error instanceof Found) return error.head;
    throw error;
  }
  return isComplete ? head : undefined;
}

function notHelm(path: string, what: string, cause?: unknown): AirgapError {
  return new AirgapError('usage', `${path} ${what}`, { hint: HELM_HINT, cause });
}
