import { EventEmitter } from 'node:events';
import { Readable, Writable } from 'node:stream';
import { createProgram } from '../../src/cli/program.ts';
import { runProgram } from '../../src/cli/run.ts';

export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** The parts of a process that the command line uses, simulated in this process. */
export class Terminal extends EventEmitter {
  readonly stdout = capture();
  readonly stderr = capture();
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly argv: readonly string[];
  readonly stdin: Readable;
  readonly #cwd: string;
  /** Argument of `process.exit`. */
  exited: number | undefined;

  constructor(args: readonly string[], env: Terminal['env'] = {}, cwd = '/', input: string | Uint8Array = '') {
    super();
    this.stdin = Readable.from([Buffer.from(input as string)]);
    this.argv = ['node', 'airgap', ...args];
    this.env = env;
    this.#cwd = cwd;
  }

  cwd(): string {
    return this.#cwd;
  }

  exit(code: number): void {
    this.exited = code;
  }

  async run(): Promise<Ended> {
    const code = await runProgram(createProgram, this as unknown as NodeJS.Process);
    return { code, out: this.stdout.text(), err: this.stderr.text() };
  }
}

/** Runs `helm airgap ARGS`. */
export function airgap(args: readonly string[], env?: Terminal['env'], cwd?: string): Promise<Ended> {
  return new Terminal(args, env, cwd).run();
}

function capture(): Writable & { text(): string } {
  const chunks: string[] = [];
  const stream = new Writable({
    write(chunk, _, done) {
      chunks.push(String(chunk));
      done();
    },
  });
  return Object.assign(stream, { text: () => chunks.join('') });
}
