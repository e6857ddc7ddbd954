import { once } from 'node:events';
import { type Child, startChild } from './child.ts';
import { cleanEnvironment, launcher } from './cli.ts';
import { scratchFolder } from './scratch.ts';

/** A running `helm airgap serve`. */
export interface TestServe {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  /** `http://HOST` or `https://HOST`. */
  readonly url: string;
  /** The document that it printed when it listened. */
  readonly document: Readonly<Record<string, unknown>>;
  readonly pid: number;
  /** Returns the end of its stderr. */
  log(): string;
  /** Waits for its end and returns the exit code. */
  ended(): Promise<number | null>;
  /** Interrupts it, and returns the exit code. */
  stop(): Promise<number | null>;
}

/**
 * Starts the built plugin on a free port of loopback, or where `--listen` says.
 * @param args bundles and flags
 * @throws Error with its stderr if it does not listen
 */
export async function serve(...args: readonly string[]): Promise<TestServe> {
  const listen = args.includes('--listen') ? [] : ['--listen', '127.0.0.1:0'];
  const home = scratchFolder();
  const child = startChild(launcher, ['serve', ...args, ...listen, '-o', 'json'], cleanEnvironment(home));
  const ended = once(child.process, 'exit').then(([code]) => code as number | null);
  const document = await printedDocument(child, ended);
  const { address: host, url } = document as { readonly address: string; readonly url: string };
  return {
    host,
    url,
    document,
    pid: child.process.pid ?? 0,
    log: child.log,
    ended: () => ended,
    stop: () => {
      child.process.kill('SIGTERM');
      return ended;
    },
  };
}

async function printedDocument(child: Child, ended: Promise<unknown>): Promise<Readonly<Record<string, unknown>>> {
  let text = '';
  const document = new Promise<Readonly<Record<string, unknown>>>((resolve) => {
    child.process.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      if (text.trimEnd().endsWith('\n}')) resolve(JSON.parse(text));
    });
  });
  const failed = ended.then((code) => {
    throw new Error(`serve ended with ${code}: ${child.log()} ${text}`);
  });
  failed.catch(() => {});
  return Promise.race([document, failed]);
}
