/** Collects the values of a repeatable flag. */
export function repeat(value: string, earlier: string[]): string[] {
  return [...earlier, value];
}
