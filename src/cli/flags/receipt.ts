import { resolve } from 'node:path';
import { AirgapError } from '../../base/errors.ts';
import { checkReplaceable, checkWritable, writeOutput } from '../../base/output-file.ts';
import { jsonText } from '../../base/printable.ts';
import type { PushResult } from '../../workflows/push.ts';

/** Where the receipts of a push go: one file, and for each of several targets one of its own. */
export class Receipts {
  readonly #file: string;
  readonly #isOne: boolean;

  /** @param targets as text */
  constructor(file: string, targets: readonly string[], cwd: string) {
    this.#file = resolve(cwd, file);
    this.#isOne = targets.length === 1;
  }

  /**
   * Says before anything is sent that one cannot be written, or that something else would be lost by it.
   * @throws AirgapError `output-exists`, `file`, `no-space`, `usage`
   */
  async check(targets: readonly string[]): Promise<void> {
    for (const path of targets.map((target) => this.#path(target))) {
      await checkWritable(path, '--receipt');
      await checkReplaceable(path, { isOurs: isReceipt, what: 'receipt' });
    }
  }

  /** @throws AirgapError `file`, `no-space`: everything has been sent by then, and the error says so */
  async write({ target, receipt }: PushResult): Promise<void> {
    try {
      await writeOutput(this.#path(target), `${jsonText(receipt, 2)}\n`);
    } catch (error) {
      if (!(error instanceof AirgapError)) throw error;
      throw new AirgapError(error.code, `${target} has everything, and the receipt ${error.message}`, {
        hint: 'push again with another --receipt: what is there is not sent again',
        cause: error,
      });
    }
  }

  /** Of several targets: the target before the file's ending. */
  #path(target: string): string {
    if (this.#isOne) return this.#file;
    const [, stem = this.#file, ending = ''] = /^(.*?)(\.[^./]+)?$/.exec(this.#file) ?? [];
    return `${stem}.${target.replace(/[^\w.-]/g, '_')}${ending}`;
  }
}

function isReceipt(there: Buffer): boolean {
  try {
    const { apiVersion, kind } = Object(JSON.parse(there.toString())) as Record<string, unknown>;
    return kind === 'Receipt' && String(apiVersion).startsWith('airgap/');
  } catch {
    return false;
  }
}
