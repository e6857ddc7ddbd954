import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { NODE } from '../node/node-config.ts';
import { trustInside } from '../node/registry.ts';
import type { InsideHelm } from './inside.ts';

/** A `helm airgap serve` inside of a cluster, with a certificate of the private CA. */
export interface InsideServe {
  /** `NAME.airgap.test:PORT`. */
  readonly host: string;
  /** Paths that were requested so far. */
  requested(): readonly string[];
  /** Path of the program that the plugin runs on. */
  program(): Promise<string>;
  /** Sends SIGTERM to the plugin. @returns exit code of Helm */
  stop(): Promise<number>;
}

/** Options of {@link serveInside}. */
export interface ServeInside {
  /** Below airgap.test. */
  readonly name: string;
  readonly port: number;
  /** Bundles and further flags. */
  readonly args: readonly string[];
}

/** Starts it, and makes the node trust it. @throws Error with its output if it does not listen */
export async function serveInside(helm: InsideHelm, { name, port, args }: ServeInside): Promise<InsideServe> {
  const { cluster } = helm;
  const { folder } = cluster;
  const host = `${name}.airgap.test:${port}`;
  const file = (suffix: string): string => join(folder, `log/${name}.${suffix}`);
  const tls = ['--tls-cert', join(folder, 'pki/registry.crt'), '--tls-key', join(folder, 'pki/registry.key')];
  const log = ['--log-file', file('requests'), '-o', 'json'];
  await trustInside(cluster, host);
  const pid = await helm.start(['airgap', 'serve', ...args, '--listen', `${NODE}:${port}`, ...tls, ...log], file);
  // The shell creates these files, a moment after it was started.
  const textOf = (path: string): string => (existsSync(path) ? readFileSync(path, 'utf8') : '');
  const output = (): string => ['out', 'err'].map((suffix) => textOf(file(suffix))).join('');
  const until = async (isDone: () => boolean): Promise<void> => {
    for (const end = Date.now() + 30_000; !isDone(); await sleep(100)) {
      if (Date.now() > end) throw new Error(`serve neither listens nor ends: ${output()}`);
    }
  };
  const hasEnded = (): boolean => existsSync(file('code'));
  await until(() => hasEnded() || output().includes('"address"'));
  if (hasEnded()) throw new Error(`serve has ended: ${output()}`);
  // The shell's child is Helm, and Helm's child the plugin. Each thread of Helm has children of its own.
  const child = (parent: string): string => `$(cat /proc/${parent}/task/*/children)`;
  const { stdout } = await cluster.run(['bash', '-c', `helm=$(echo ${child(pid)}); echo ${child('$helm')}`]);
  const plugin = stdout.trim();

  return {
    host,
    requested: () => {
      const lines = readFileSync(file('requests'), 'utf8').trim().split('\n');
      return lines.map((line) => JSON.parse(line)).flatMap(({ target }) => (target === undefined ? [] : [target]));
    },
    async program() {
      return (await cluster.run(['readlink', `/proc/${plugin}/exe`])).stdout.trim();
    },
    async stop() {
      await cluster.run(['bash', '-c', `kill -TERM ${plugin}`]);
      await until(hasEnded);
      return Number(readFileSync(file('code'), 'utf8'));
    },
  };
}
