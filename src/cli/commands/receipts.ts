import { resolve } from 'node:path';
import { AirgapError } from '../../base/errors.ts';
import { UniqueFileNames } from '../../base/file-names.ts';
import { checkReplaceable, checkWritable, writeOutput } from '../../base/output-file.ts';
import { jsonText } from '../../base/printable.ts';
import type { PushedGraph } from '../../workflows/push/push-graph.ts';
import { displayPath } from '../reports/text.ts';

/** Receipt files of a push: one for each target. */
export class Receipts {
  /** Paths by target. */
  readonly #paths: ReadonlyMap<string, string>;
  readonly #cwd: string;

  /** @param targets formatted as text */
  constructor(file: string, targets: readonly string[], cwd: string) {
    this.#cwd = cwd;
    const path = resolve(cwd, file);
    const [, stem = path, extension = ''] = /^(.*?)(\.[^./]+)?$/.exec(path) ?? [];
    const names = new UniqueFileNames();
    // With several targets, the target is inserted before the extension.
    const pathFor = (target: string): string => `${stem}.${names.take(target.replace(/[^\w.-]/g, '_'))}${extension}`;
    this.#paths = new Map(targets.map((target) => [target, targets.length === 1 ? path : pathFor(target)]));
  }

  /**
   * Checks before the push that all receipts can be written without overwriting other files.
   * @throws AirgapError `output-exists`, `file`, `no-space`, `usage`
   */
  async check(): Promise<void> {
    for (const path of this.#paths.values()) {
      await checkWritable(path, '--receipt');
      await checkReplaceable(path, { isOurs: isReceipt, what: 'receipt' });
    }
  }

  /**
   * Writes a receipt, and returns its path as it is shown.
   * @throws AirgapError `file`, `no-space`; the message says that the push itself succeeded
   */
  async write({ target, receipt }: PushedGraph): Promise<string> {
    const path = this.#paths.get(target) as string;
    try {
      await writeOutput(path, `${jsonText(receipt, 2)}\n`);
      return displayPath(path, this.#cwd);
    } catch (error) {
      if (!(error instanceof AirgapError)) throw error;
      throw new AirgapError(error.code, `${target} has all content, but the receipt ${error.message}`, {
        hint: 'push again with another --receipt: existing content is not uploaded again',
        cause: error,
      });
    }
  }
}

function isReceipt(content: Buffer): boolean {
  try {
    const { apiVersion, kind } = Object(JSON.parse(content.toString())) as Record<string, unknown>;
    return kind === 'Receipt' && String(apiVersion).startsWith('airgap/');
  } catch {
    return false;
  }
}
