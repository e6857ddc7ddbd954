import type { Elf } from './elf.ts';
import type { GoString } from './go-strings.ts';

/** End of `default:"` and `envDefault:"`, which configuration packages read from struct tags. */
const DEFAULT_KEY_END = Buffer.from('efault:"', 'latin1');
const MAX_LENGTH = 300;
/** Version, or variable that holds one, with an optional suffix. */
const VERSION = /^(?:\$\{\w+\}|v?\d+\.\d)[\w.-]*$/;
/** Maximum struct tags read; a large operator has some thousand. */
const MAX_TAGS = 100_000;

/** Finds defaults of settings in struct tags. Nothing points to them, so all data is searched. */
export function structTagDefaults({ bytes, data }: Elf): GoString[] {
  const found: GoString[] = [];
  let tagCount = 0;
  for (const { offset, size } of data) {
    const region = bytes.subarray(offset, offset + size);
    for (
      let position = region.indexOf(DEFAULT_KEY_END);
      position >= 0 && tagCount++ < MAX_TAGS;
      position = region.indexOf(DEFAULT_KEY_END, position + 1)
    ) {
      const start = position + DEFAULT_KEY_END.length;
      const length = region.subarray(start, start + MAX_LENGTH).indexOf(0x22);
      const text = length < 0 ? '' : region.toString('latin1', start, start + length);
      if (text.includes('/') || VERSION.test(text))
        found.push({ offset: offset + start, text, headerOffsets: [], codeOffsets: [] });
    }
  }
  return found;
}
