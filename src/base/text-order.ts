/** Compares texts by UTF-16 code units, for `sort`: the same order on every machine, unlike that of a locale. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
