import { EventEmitter } from 'node:events';
import { Readable } from 'node:stream';
import { Output } from '../../src/cli/output.ts';
import { loadProgram } from '../../src/cli/program.ts';
import { runProgram } from '../../src/cli/run.ts';

export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** The parts of a process that the command line uses, simulated in this process. */
export class Terminal extends EventEmitter {
  readonly #texts = { 1: '', 2: '' };
  #failure: string | undefined;
  /** Size of the terminal that standard output is; undefined if it is none. */
  stdoutSize: { readonly columns?: number } | undefined;
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

  /** What was written to standard output so far. */
  get out(): string {
    return this.#texts[1];
  }

  /** What was written to standard error so far. */
  get err(): string {
    return this.#texts[2];
  }

  /** Makes writes to standard output fail with a system error. */
  failOutput(code: string): void {
    this.#failure = code;
  }

  async run(create: Parameters<typeof runProgram>[0] = loadProgram): Promise<Ended> {
    const output = new Output(async (descriptor, bytes) => {
      if (descriptor === 1 && this.#failure !== undefined) throw Object.assign(new Error('x'), { code: this.#failure });
      this.#texts[descriptor] += bytes.toString();
      return bytes.length;
    });
    const streams = {
      output,
      terminal: (descriptor: 1 | 2) => (descriptor === 1 ? (this.stdoutSize as NodeJS.WriteStream) : undefined),
    };
    const code = await runProgram(create, this as unknown as NodeJS.Process, streams);
    return { code, out: this.#texts[1], err: this.#texts[2] };
  }
}

/** Runs `helm airgap ARGS`. */
export function airgap(args: readonly string[], env?: Terminal['env'], cwd?: string): Promise<Ended> {
  return new Terminal(args, env, cwd).run();
}
