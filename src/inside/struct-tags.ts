import type { Elf } from './elf.ts';
import type { GoString } from './go-strings.ts';

/** The end of `default:"` and `envDefault:"`, as settings packages read them from the tags of a struct's fields. */
const MARK = Buffer.from('efault:"', 'latin1');
const LONGEST = 300;
/** A version, or a variable that holds one, with what is added to it. */
const VERSION = /^(?:\$\{\w+\}|v?\d+\.\d)[\w.-]*$/;
/** Marks that are looked at; a large operator has some thousand. */
const MOST = 100_000;

/** Defaults of settings that stand in the tags of struct fields. Nothing points to them, so they are searched for. */
export function defaultsOfFields({ bytes, data }: Elf): GoString[] {
  const found: GoString[] = [];
  let seen = 0;
  for (const { offset, size } of data) {
    const region = bytes.subarray(offset, offset + size);
    for (let at = region.indexOf(MARK); at >= 0 && seen++ < MOST; at = region.indexOf(MARK, at + 1)) {
      const start = at + MARK.length;
      const length = region.subarray(start, start + LONGEST).indexOf(0x22);
      const text = length < 0 ? '' : region.toString('latin1', start, start + length);
      if (text.includes('/') || VERSION.test(text)) found.push({ offset: offset + start, text, data: [], code: [] });
    }
  }
  return found;
}
