import { describe, expect, test } from 'vitest';
import { publicEcrWriteDocument, publicEcrWriteReport } from '../../../../src/cli/reports/public-ecr-write.ts';
import type { PublicEcrWriting } from '../../../../src/workflows/public-ecr/writing/write.ts';
import { expectLine } from '../../../support/facts.ts';

const nothing: PublicEcrWriting = {
  isDryRun: false,
  diff: '',
  folder: '/repo',
  files: [],
  images: [],
  notWritten: [],
  versions: [],
  parents: [],
  unproved: [],
};
const written: PublicEcrWriting = {
  ...nothing,
  files: ['/repo/app/values.yaml', '/repo/bare.yaml'],
  images: [{ reference: 'docker.io/library/a:1', equivalent: 'public.ecr.aws/docker/library/a:1', places: [] }],
  undo: '/repo/public-ecr.undo.patch',
};
const notes = (writing: PublicEcrWriting): string => publicEcrWriteReport(writing, '/repo').notes.join('\n');

describe('the report of public-ecr --write', () => {
  test('counts images and files, or what would be changed', () => {
    expectLine(notes(written), '1 image', '2 files changed');
    expectLine(notes({ ...written, isDryRun: true }), '2 files would be');
    expectLine(notes(nothing), 'nothing');
    expect(notes(nothing)).not.toContain('undo');
  });

  test('names what was left, on one line each, whatever the reason holds', () => {
    const left = [
      {
        kind: 'file',
        reference: 'docker.io/library/b:1',
        file: '/repo/app/values.yaml',
        line: 3,
        reason: 'a tag,\n!!x',
      },
      { kind: 'elsewhere', file: 'app/templates/x.yaml', line: 0, reason: 'Pod/x' },
    ] as const;
    expect(publicEcrWriteReport({ ...nothing, notWritten: left }, '/repo').result).toEqual([
      {
        head: expect.any(Array),
        rows: [
          ['app/values.yaml:3', 'docker.io/library/b:1', 'a tag, !!x'],
          ['app/templates/x.yaml', '', 'Pod/x'],
        ],
      },
    ]);
  });

  test('names versions, parents and files without a chart', () => {
    const version = { name: 'app', file: '/repo/app/Chart.yaml', line: 3, version: '1.0.0' };
    expectLine(notes({ ...written, versions: [version] }), 'app/Chart.yaml:3', '1.0.0', '--bump');
    expectLine(notes({ ...written, versions: [{ ...version, bumped: '1.0.1' }] }), '1.0.0', '1.0.1');
    const parent = { name: 'all', folder: '/repo', on: 'app', through: 'charts/app', outdated: ['Chart.lock'] };
    expectLine(notes({ ...written, parents: [parent] }), 'all', 'charts/app', 'Chart.lock');
    expectLine(notes({ ...written, unproved: ['/repo/bare.yaml'] }), 'bare.yaml', 'no chart');
  });

  test('says how the changes are taken back, from the working folder or from elsewhere', () => {
    expectLine(notes(written), /: git apply public-ecr\.undo\.patch$/);
    const elsewhere = { ...written, folder: '/my charts', undo: '/undo/a b.patch' };
    expectLine(notes(elsewhere), "git -C '/my charts' apply '/undo/a b.patch'");
  });

  test('has a document', () => {
    expect(publicEcrWriteDocument(written)).toMatchObject({
      dryRun: false,
      undo: '/repo/public-ecr.undo.patch',
      diff: '',
    });
    expect(publicEcrWriteDocument(written)).not.toHaveProperty('isDryRun');
  });
});
