import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { startChild } from './child.ts';
import { pythonPrograms } from './python.ts';
import { freePort } from './registry.ts';

/** Emulators of AWS by other authors. moto's server needs only these of its extras for ECR. */
const programs = pythonPrograms('second-opinions', [
  'ministack==1.5.33',
  'moto==5.2.5',
  'flask==3.1.3',
  'flask-cors==6.0.5',
]);

/** Installs them if necessary. @returns reason to skip tests that need them, if they cannot be installed */
export function withoutSecondOpinions(): string | undefined {
  return programs.missing();
}

/** An emulator on loopback. */
export interface SecondOpinion {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  /** `http://HOST`. */
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts ministack: ECR's control plane and its data plane, which it recognises by the Host header. */
export function startMinistack(account: string): Promise<SecondOpinion> {
  return start('ministack', [], (port) => ({
    // By default it listens on every address.
    BIND_HOST: '127.0.0.1',
    GATEWAY_PORT: port,
    IOT_MTLS_ENABLED: '0',
    MINISTACK_ACCOUNT_ID: account,
    SERVICES: 'ecr,sts',
  }));
}

/** Starts moto: ECR's control plane, with AWS's validation of names, policies and filters. */
export function startMoto(account: string): Promise<SecondOpinion> {
  return start('moto_server', ['-H', '127.0.0.1', '-p'], () => ({ MOTO_ACCOUNT_ID: account }));
}

async function start(
  program: string,
  args: readonly string[],
  environment: (port: string) => Record<string, string>,
): Promise<SecondOpinion> {
  const port = String(await freePort());
  const env = { PATH: process.env.PATH, PYTHONDONTWRITEBYTECODE: '1', ...environment(port) };
  const child = startChild(join(programs.bin, program), args.length > 0 ? [...args, port] : [], env);
  const { log, stop } = child;
  const host = `127.0.0.1:${port}`;
  if (await answers(`http://${host}/`, child.process)) return { host, url: `http://${host}`, stop };
  await stop();
  throw new Error(`${program} does not answer on ${host}: ${log() || 'no output'}`);
}

async function answers(url: string, child: ChildProcess): Promise<boolean> {
  for (const until = Date.now() + 30_000; Date.now() < until && child.exitCode === null; ) {
    try {
      await (await fetch(url)).arrayBuffer();
      return true;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  return false;
}
