/**
 * A report for people. `result` goes to stdout: a table, a verdict or the line that names a written file. `notes` go to
 * stderr: summaries and remarks. Both may be empty, and neither ends with a newline.
 */
export interface Report {
  readonly result: string;
  readonly notes: string;
}

/** Joins reports: results with an empty line between them, notes line by line. */
export function joinReports(reports: readonly Report[]): Report {
  const join = (texts: readonly string[], separator: string): string =>
    texts.filter((text) => text !== '').join(separator);
  return {
    result: join(
      reports.map(({ result }) => result),
      '\n\n',
    ),
    notes: join(
      reports.map(({ notes }) => notes),
      '\n',
    ),
  };
}
