import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startChild } from '../../test/support/child.ts';
import { airgapOk } from '../../test/support/cli.ts';
import { freePort } from '../../test/support/registry.ts';
import { serve } from '../../test/support/serve.ts';
import { putImages, type Workload, workloads } from '../speed/images.ts';

/** A running server. */
export interface Server {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  readonly pid: number;
  stop(): Promise<unknown>;
}

/** Programs that are compared. */
export const SERVERS = ['serve', 'distribution'] as const;
export type ServerName = (typeof SERVERS)[number];

/** Files of the certificate. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** Images that both programs serve: serve from a bundle, distribution from its own files. */
export interface Stored {
  readonly workload: Workload;
  start(name: ServerName, tls?: Certificate): Promise<Server>;
}

/** Workloads by name, with their scale. These of ../shared/bench: a and b. */
export const SCALES = { shared: 1, small: 0.75 } as const;
export type WorkloadName = keyof typeof SCALES;

/** Builds the images and stores them for both. @param factor of the sizes */
export async function store(name: WorkloadName, factor: number, folder: string): Promise<Stored> {
  const [root, bundle] = [join(folder, `${name}-registry`), join(folder, `${name}.tar`)];
  mkdirSync(root);
  const filled = await startDistribution(root);
  try {
    const workload = await putImages(filled.host, name, workloads(SCALES[name] * factor)[name]);
    const images = workload.images.flatMap(({ repository, reference }) => [
      '--image',
      `${filled.host}/${repository}:${reference}`,
    ]);
    await airgapOk(['bundle', ...images, '--plain-http', filled.host, '--out', bundle], folder);
    return {
      workload,
      async start(server, tls) {
        if (server === 'distribution') return startDistribution(root, tls);
        const flags = tls === undefined ? [] : ['--tls-cert', tls.cert, '--tls-key', tls.key];
        return serve(bundle, '--naming', 'path', ...flags);
      },
    };
  } finally {
    await filled.stop();
  }
}

/** Starts distribution 2.8 on a folder, without an access log and with its cache of descriptors. */
async function startDistribution(root: string, tls?: Certificate): Promise<Server> {
  const port = await freePort();
  const host = `127.0.0.1:${port}`;
  const config = {
    version: '0.1',
    log: { level: 'error', accesslog: { disabled: true } },
    storage: { cache: { blobdescriptor: 'inmemory' }, filesystem: { rootdirectory: root } },
    http: { addr: host, secret: 'bench', ...(tls && { tls: { certificate: tls.cert, key: tls.key } }) },
  };
  const file = join(root, 'config.yml');
  // The registry reads YAML, and JSON is YAML.
  writeFileSync(file, JSON.stringify(config));
  const env = { PATH: process.env.PATH, OTEL_TRACES_EXPORTER: 'none' };
  const { process: child, log, stop } = startChild('docker-registry', ['serve', file], env);
  // With TLS the answer is an error, which also shows that it listens.
  for (const until = Date.now() + 10_000; Date.now() < until && child.exitCode === null; await sleep(20)) {
    if (
      await fetch(`http://${host}/v2/`).then(
        (answer) => answer.status > 0,
        () => false,
      )
    )
      return { host, pid: child.pid ?? 0, stop };
  }
  await stop();
  throw new Error(`docker-registry does not answer on ${host}: ${log()}`);
}

/** Processor time of a process in seconds, user and system (proc(5), stat). */
export function processorTime(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  // Linux counts in hundredths of a second for programs, whatever the kernel's own clock is.
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
