/** A table for people. Cells may hold anything; the layout escapes them. Rows may be shorter than the head. */
export interface Table {
  /** Names of the columns. A column without a name holds remarks. */
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** Lines of text without a final newline, or a table. */
export type Block = string | Table;

/**
 * A report for people. `result` goes to stdout: a table, a verdict or the line that names a written file. `notes` go to
 * stderr: summaries, remarks and the next step. Both may be empty. Only the layout knows the width of the terminal.
 */
export interface Report {
  readonly result: readonly Block[];
  readonly notes: readonly Block[];
}

/** Joins reports: results after results, notes after notes. */
export function joinReports(reports: readonly Report[]): Report {
  return { result: reports.flatMap(({ result }) => result), notes: reports.flatMap(({ notes }) => notes) };
}
