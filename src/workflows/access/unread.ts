import { AirgapError } from '../../base/errors.ts';
import { printableLine } from '../../base/printable.ts';
import { refusalOf } from '../../mirantis/refusals.ts';

/** What could not be read or taken over, with the reason in words. */
export interface UnreadItem {
  readonly what: string;
  readonly reason: string;
}

/** Collects what a registry does not show, so that the rest of an export is read. */
export class UnreadItems {
  readonly #items: UnreadItem[] = [];

  /** Items in the order of their names. */
  get items(): readonly UnreadItem[] {
    return this.#items.toSorted((a, b) => (a.what < b.what ? -1 : 1));
  }

  add(what: string, reason: string): void {
    this.#items.push({ what, reason });
  }

  /** Records a right whose level the document cannot have. */
  addLevel(what: string, level: string): void {
    this.add(what, `access level "${printableLine(level)}" is not known`);
  }

  /**
   * Reads something that the registry may refuse to this login.
   * @returns undefined if it refuses; that is recorded
   * @throws AirgapError for anything else: a login that is wrong, a list that is cut off, no answer
   */
  async read<T>(what: string, work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof AirgapError) || error.code === 'unauthorized' || refusalOf(error) === undefined)
        throw error;
      const { reason, parts, hint } = error;
      const detail = parts.detail === undefined ? '' : ` (${parts.detail})`;
      this.add(what, `${reason}${detail}${error.code === 'forbidden' && hint !== undefined ? `; ${hint}` : ''}`);
      return undefined;
    }
  }
}
