import { resolve } from 'node:path';
import { AirgapError } from '../../base/errors.ts';
import { FileNames } from '../../base/file-names.ts';
import { checkReplaceable, checkWritable, writeOutput } from '../../base/output-file.ts';
import { jsonText } from '../../base/printable.ts';
import type { PushResult } from '../../workflows/push.ts';

/** Where the receipts of a push go: one file, and for each of several targets one of its own. */
export class Receipts {
  /** By target. */
  readonly #paths: ReadonlyMap<string, string>;

  /** @param targets as text */
  constructor(file: string, targets: readonly string[], cwd: string) {
    const path = resolve(cwd, file);
    const [, stem = path, ending = ''] = /^(.*?)(\.[^./]+)?$/.exec(path) ?? [];
    const names = new FileNames();
    // Of several targets: the target before the file's ending.
    const own = (target: string): string => `${stem}.${names.take(target.replace(/[^\w.-]/g, '_'))}${ending}`;
    this.#paths = new Map(targets.map((target) => [target, targets.length === 1 ? path : own(target)]));
  }

  /**
   * Says before anything is sent that one cannot be written, or that something else would be lost by it.
   * @throws AirgapError `output-exists`, `file`, `no-space`, `usage`
   */
  async check(): Promise<void> {
    for (const path of this.#paths.values()) {
      await checkWritable(path, '--receipt');
      await checkReplaceable(path, { isOurs: isReceipt, what: 'receipt' });
    }
  }

  /** @throws AirgapError `file`, `no-space`: everything has been sent by then, and the error says so */
  async write({ target, receipt }: PushResult): Promise<void> {
    try {
      await writeOutput(this.#paths.get(target) as string, `${jsonText(receipt, 2)}\n`);
    } catch (error) {
      if (!(error instanceof AirgapError)) throw error;
      throw new AirgapError(error.code, `${target} has everything, and the receipt ${error.message}`, {
        hint: 'push again with another --receipt: what is there is not sent again',
        cause: error,
      });
    }
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
