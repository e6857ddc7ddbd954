/** Formats a count: `1 image`, `3 images`. */
export function count(n: number, singular: string, plural = `${singular}s`): string {
  return `${n} ${n === 1 ? singular : plural}`;
}

/** Lists the first texts and counts the others: `a, b and 3 more`. */
export function firstOf(texts: readonly string[], limit: number): string {
  const more = texts.length > limit ? ` and ${texts.length - limit} more` : '';
  return `${texts.slice(0, limit).join(', ')}${more}`;
}
