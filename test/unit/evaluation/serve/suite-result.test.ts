import { expect, test } from 'vitest';
import { parseJunit, parseSummary } from '../../../../evaluation/serve/suite-result.ts';

test('a report of ginkgo: names, results, and what is neither', () => {
  const xml = `<?xml version="1.0"?><testsuites><testsuite>
    <testcase name="GET &#34;a&#34; &amp; b" classname="x" status="passed" time="0.1"></testcase>
    <testcase name="no" classname="x" status="failed" time="0.1"><failure message="404"></failure></testcase>
    <testcase name="later" status="skipped"><skipped message="x"></skipped><system-err>&lt;failure</system-err></testcase>
    <testcase name="panics" status="panicked"/>
  </testsuite></testsuites>`;
  expect(parseJunit(xml)).toEqual({
    passed: ['GET "a" & b'],
    failed: ['no', 'panics (status panicked)'],
    skipped: ['later'],
  });
  expect(() => parseJunit('<testsuites/>')).toThrow();
});

const summary = (result: string, failed: number, log = ''): string => `${log}OCI Conformance Result: ${result}
  Disabled......................:         11
  Pass..........................:         12
  FAIL..........................:          ${failed}
  Error.........................:          0

API conformance:
  Tag listing...................:       Pass
  Tag delete....................:   Disabled
  Blob get range................:    Unknown

Data conformance:
  Read Only Inputs..............:       ${failed > 0 ? 'FAIL' : 'Pass'}
`;

test('a summary of the newer tests: endpoints that passed, and tests that failed', () => {
  expect(parseSummary(summary('Pass', 0))).toEqual({
    passed: ['Tag listing', 'Read Only Inputs'],
    failed: [],
    skipped: ['Tag delete', 'Blob get range'],
  });
  const log = 'time=x level=WARN msg="failed test" name="Test/read-only/head" error="no"\n';
  expect(parseSummary(summary('FAIL', 2, log)).failed).toEqual(['Test/read-only/head', 'not named']);
  expect(parseSummary(summary('FAIL', 0)).failed).toEqual(['result FAIL']);
  expect(() => parseSummary('panic: no')).toThrow();
});
