/** Tests of a suite by their results. */
export interface SuiteResult {
  /** Names; a name may occur several times. */
  readonly passed: readonly string[];
  readonly failed: readonly string[];
  /** Tests that were not chosen, or could not run. */
  readonly skipped: readonly string[];
}

const ENTITIES: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  '#34': '"',
  '#39': "'",
};

/** Reads a report in JUnit's XML, as Go's test tools write it. @throws Error if it has no test */
export function parseJunit(xml: string): SuiteResult {
  const result = { passed: [] as string[], failed: [] as string[], skipped: [] as string[] };
  for (const [, attributes = '', end, content = ''] of xml.matchAll(
    /<testcase\b((?:\s+[\w-]+="[^"]*")*)\s*(?:(\/)>|>([\s\S]*?)<\/testcase>)/g,
  )) {
    const attribute = (name: string): string | undefined => new RegExp(`\\s${name}="([^"]*)"`).exec(attributes)?.[1];
    const name = (attribute('name') ?? '').replace(/&(#?\w+);/g, (whole, entity) => ENTITIES[entity] ?? whole);
    const status = attribute('status');
    const has = (tag: string): boolean => end === undefined && new RegExp(`<${tag}\\b`).test(content);
    if (status === 'failed' || status === 'error' || has('failure') || has('error')) result.failed.push(name);
    else if (status === 'passed') result.passed.push(name);
    else if (status === 'skipped' || status === 'disabled' || has('skipped')) result.skipped.push(name);
    else result.failed.push(`${name} (status ${status})`);
  }
  if (result.passed.length + result.failed.length + result.skipped.length === 0)
    throw new Error('a report without tests');
  return result;
}

/**
 * Reads the summary that the newer tests print: a result for each endpoint and kind of data, below the counts. Tests that
 * failed are named by the log.
 * @throws Error if there is no summary
 */
export function parseSummary(output: string): SuiteResult {
  const counts = /^OCI Conformance Result: (\w+)$([\s\S]*?)^$/m.exec(output);
  if (counts === null) throw new Error(`no summary: ${output.slice(-500)}`);
  const count = (name: string): number =>
    Number(new RegExp(`^ +${name}\\.+: +(\\d+)$`, 'm').exec(counts[2] ?? '')?.[1]);
  const failed = [...output.matchAll(/msg="failed test" name="([^"]*)"/g)].map(([, name = '']) => name);
  while (failed.length < count('FAIL') + count('Error')) failed.push('not named');
  if (failed.length === 0 && counts[1] !== 'Pass') failed.push(`result ${counts[1]}`);
  const named = [...output.matchAll(/^ {2}([A-Z][^.\n]*)\.+: +(Pass|Disabled|Unknown|Skip)$/gm)];
  const of = (...results: readonly string[]): string[] =>
    named.filter(([, , result = '']) => results.includes(result)).map(([, name = '']) => name);
  return { passed: of('Pass'), failed, skipped: of('Disabled', 'Unknown', 'Skip') };
}
