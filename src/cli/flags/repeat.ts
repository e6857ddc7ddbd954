/** Collects a repeatable flag. */
export function repeat(value: string, earlier: string[]): string[] {
  return [...earlier, value];
}
