/** Collects the values of a repeatable flag. */
export function collect(value: string, earlier: string[]): string[] {
  return [...earlier, value];
}
