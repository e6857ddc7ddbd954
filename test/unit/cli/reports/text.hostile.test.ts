import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { formatDocument } from '../../../../src/cli/flags/output.ts';
import { Progress } from '../../../../src/cli/progress/progress.ts';
import { diffMarkdown, diffReport } from '../../../../src/cli/reports/diff.ts';
import { explainReport } from '../../../../src/cli/reports/explain.ts';
import { imagesReport } from '../../../../src/cli/reports/images.ts';
import { proofReport } from '../../../../src/cli/reports/values.ts';
import { whyReport } from '../../../../src/cli/reports/why.ts';
import type { Finding, Location } from '../../../../src/inventory/finding.ts';
import { countImages } from '../../../../src/inventory/image-counts.ts';
import { formatLockFile, type LockFile, lockFileSchema } from '../../../../src/inventory/lock-file.ts';
import { digestOf } from '../../../../src/oci/digest.ts';
import type { ExplainResult } from '../../../../src/workflows/images/explain.ts';
import type { Diff } from '../../../../src/workflows/inspect/diff.ts';
import type { Overrides } from '../../../../src/workflows/values/values.ts';
import { CONTROL_CHARACTERS, hostileText } from '../../../support/hostile-text.ts';
import fc from '../../../support/property.ts';
import { blocksText, reportText } from '../../../support/report-text.ts';

const digest = digestOf(Buffer.from('x'));

/** Expects as many lines as with a harmless text, and no control characters. */
function keepsItsLines(make: (text: string) => string): void {
  const lines = make('x').split('\n').length;
  fc.assert(
    fc.property(hostileText, (text) => {
      const shown = make(text || 'x');
      expect(shown).not.toMatch(CONTROL_CHARACTERS);
      expect(shown.split('\n')).toHaveLength(lines);
    }),
  );
}

function locationOf(text: string): Location {
  const position = { chart: text, profile: text, template: text, document: 0, kind: text, name: text, path: text };
  return { ...position, within: text, hook: text, how: 'pod-spec', written: text };
}

function diffOf(text: string): Diff {
  return {
    old: { file: 'old.tar', size: 3000 },
    new: { file: 'new.tar', size: 4000 },
    charts: { added: [{ name: text, version: text, digest }], removed: [], changed: [] },
    images: { added: [{ reference: text, digest }], removed: [], retagged: [], moved: [] },
    referrers: { added: [{ of: text, kind: text, digest }], removed: [] },
    tools: { added: [], removed: [], changed: [] },
    carry: { blobs: 1, bytes: 1 },
    shared: { blobs: 1, bytes: 1 },
  };
}

describe('reports keep their lines for any names and content of a chart', () => {
  it('tables', () =>
    keepsItsLines((text) =>
      blocksText([
        {
          head: ['A', 'B'],
          rows: [
            [text, 'b'],
            ['a', text],
          ],
        },
      ]),
    ));

  it('images and explanations of images', () => {
    const finding = (text: string): Finding => {
      return { reference: 'r.example/x:1', confidence: 'certain', need: 'install', found: [locationOf(text)] };
    };
    keepsItsLines((text) => whyReport({ images: [finding(`${text}.`)] }));
    keepsItsLines((text) => {
      const selection = { rule: 'exclude' as const, pattern: text, reason: text, references: [text] };
      const images = [finding(`${text}.`)];
      const counts = countImages({ images, selections: [selection] });
      const charts = [{ name: text, version: text }] as unknown as Parameters<typeof imagesReport>[0]['charts'];
      const { result, notes } = reportText(imagesReport({ charts, images, choices: [selection], counts }));
      return `${result}\n${notes}`;
    });
  });

  it('explanations', () => {
    keepsItsLines((text) => {
      const occurrence = {
        ...locationOf(`${text}.`),
        text: `${text}!`,
        taken: true,
        reference: text,
        because: text,
        profiles: [text],
      };
      const chart = { name: text, version: text, occurrences: [occurrence], profiles: [text], nested: [] };
      return explainReport({ text, charts: [chart] } as unknown as ExplainResult);
    });
  });

  it('proofs', () => {
    keepsItsLines((text) => {
      const residue = [{ reference: text, template: text, path: text, written: `${text}.`, because: text }];
      const proof = { references: 2, rewritten: 1, residue };
      return proofReport({
        chart: text,
        version: text,
        proof,
        copied: [text],
        notInBundle: [text],
      } as unknown as Overrides);
    });
  });

  it('differences, as text and as Markdown', () => {
    keepsItsLines((text) => diffReport(diffOf(text)));
    keepsItsLines((text) => diffMarkdown(diffOf(text)));
  });
});

it('a Markdown table keeps its cells', () => {
  /** Counts bars that end a cell on GitHub: those that are not escaped. */
  const cells = (row: string): number => row.replace(/\\[!-/:-@[-`{-~]/g, '').split('|').length;
  fc.assert(
    fc.property(hostileText, (text) => {
      const rows = diffMarkdown(diffOf(text || 'x'))
        .split('\n')
        .filter((line) => line.startsWith('|'));
      expect(new Set(rows.map(cells))).toEqual(new Set([5]));
    }),
  );
});

it('progress and warnings contain no control characters', () => {
  fc.assert(
    fc.property(hostileText, (message) => {
      let shown = '';
      const write = (text: string): void => {
        shown += text;
      };
      const { emit } = new Progress({ write, isIdle: () => true, terminal: undefined }, Date.now);
      emit({ type: 'note', message });
      emit({ type: 'warning', message });
      emit({ type: 'retry', what: message, attempt: 1, reason: message });
      expect(shown).not.toMatch(CONTROL_CHARACTERS);
    }),
  );
});

it('JSON and YAML documents round-trip without control characters', async () => {
  await fc.assert(
    fc.asyncProperty(fc.dictionary(hostileText, hostileText, { maxKeys: 3, noNullPrototype: true }), async (found) => {
      const [json, yaml] = [
        await formatDocument('Test', { found }, 'json'),
        await formatDocument('Test', { found }, 'yaml'),
      ];
      expect(`${json}${yaml}`).not.toMatch(CONTROL_CHARACTERS);
      expect(JSON.parse(json).found).toEqual(found);
      expect(parse(yaml).found).toEqual(found);
    }),
  );
});

it('a lock file round-trips as one document', () => {
  fc.assert(
    fc.property(hostileText, (text) => {
      const chart = { name: 'x', version: '1.0.0', repo: text, digest, profiles: [{ name: `p${text}` }] };
      const choices = [{ rule: 'exclude' as const, pattern: text, reason: `r${text}`, references: [] }];
      const lockFile: LockFile = { apiVersion: 'airgap/v1', kind: 'LockFile', charts: [chart], images: [], choices };
      const written = formatLockFile(lockFile, `airgap${text}.lock`);
      expect(written).not.toMatch(CONTROL_CHARACTERS);
      expect(lockFileSchema.parse(parse(written)).charts).toEqual([chart]);
    }),
  );
});
