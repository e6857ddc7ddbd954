import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import {
  checkBundle,
  checkFailure,
  checkLog,
  checkNoBundle,
  checkRun,
  errorOf,
  tagsOfReceipt,
} from '../../../../evaluation/faults/judge.ts';
import { hashOf, type Trial, type Workspace } from '../../../../evaluation/faults/worker.ts';
import { scratchFolder } from '../../../support/scratch.ts';

let workspace: Workspace;
beforeEach(() => {
  const home = scratchFolder();
  const [folder, temporary] = [join(home, 'case'), join(home, 'tmp')];
  for (const path of [folder, temporary]) mkdirSync(path);
  workspace = { name: 'case-1', folder, temporary, file: join(folder, 'out.tar') };
});

const put = (name: string, text = ''): void => writeFileSync(join(workspace.folder, name), text);

function trial(more: Partial<Trial> = {}): Trial {
  return { code: 1, out: '', err: 'Error: x', requests: { source: [], target: [] }, leaks: [], isHung: false, ...more };
}

describe('every run', () => {
  test('is good if it ends, and says and leaves nothing that it should not', () => {
    expect([...checkRun(trial(), workspace)]).toEqual([]);
    expect([...checkRun(trial({ code: 0 }), workspace)]).toEqual([]);
  });

  test.each<[string, Partial<Trial>]>([
    ['does not end', { isHung: true }],
    ['ends with another code', { code: 3 }],
    ['gives credentials to another host', { leaks: ['GET /v2/'] }],
    ['prints a stack trace', { err: 'Error: x\n    at send (http.ts:1)' }],
    ['reports a fault of its own', { err: 'Error: unexpected: x' }],
    ['prints a secret', { err: 'Error: token-of-age-3' }],
  ])('is bad if it %s', (_, more) => expect([...checkRun(trial(more), workspace)]).toHaveLength(1));

  test('is bad if it leaves a temporary file', () => {
    writeFileSync(join(workspace.temporary, 'left'), '');
    expect([...checkRun(trial(), workspace)]).toEqual(['it leaves left in TMPDIR']);
  });
});

describe('a failed run', () => {
  const step = 'GET /v2/team/app/manifests/1';
  const wrong = (more: Partial<Trial>, isSingle = true): string[] => [...checkFailure(trial(more), step, isSingle)];

  test('names image and step', () => {
    expect(wrong({ err: 'progress\nError: team/app: the manifest is missing' })).toEqual([]);
    expect(wrong({ err: 'Error: team/tool: the manifest is missing' })).toHaveLength(1);
    expect(wrong({ err: 'Error: team/app: something' })).toEqual(['it names no step']);
  });

  test('may name any image if the fault is not at a single step', () => {
    expect(wrong({ err: 'Error: team/tool: the manifest is missing' }, false)).toEqual([]);
    expect(wrong({ err: 'Error: the manifest is missing' }, false)).toHaveLength(1);
  });

  test('prints an error and no result; progress is no error', () => {
    expect(wrong({ err: 'team/app manifest' })).toContain('it prints no error');
    expect(wrong({ err: 'Error: team/app manifest', out: '{}' })).toEqual(['it prints a result']);
    expect(errorOf('one\nError: two\nError: three')).toBe('Error: two\nError: three');
  });
});

describe('the folder', () => {
  test('has the bundle with the expected bytes and nothing else', () => {
    put('out.tar', 'bundle');
    const hash = hashOf(workspace.file);
    expect([...checkBundle(workspace, hash)]).toEqual([]);
    expect([...checkBundle(workspace, 'other')]).toHaveLength(1);
    put('out.tar.partial');
    expect([...checkBundle(workspace, hash)]).toHaveLength(1);
  });

  test('has only unfinished files after a failure, and a lock only after a kill', () => {
    expect([...checkNoBundle(workspace)]).toEqual([]);
    for (const name of ['out.tar.partial', 'out.tar.partial.journal']) put(name);
    expect([...checkNoBundle(workspace)]).toEqual([]);
    put('out.tar.partial.lock');
    expect([[...checkNoBundle(workspace)].length, [...checkNoBundle(workspace, true)].length]).toEqual([1, 0]);
    put('out.tar');
    expect([...checkNoBundle(workspace, true)]).toEqual(['it leaves out.tar']);
  });
});

test('tags of a receipt are below the prefix, with referrers that are there', () => {
  const host = '127.0.0.1:5000/case-1';
  const referrer = (digest: string, status: string, tag?: string) => {
    return { repository: `${host}/team/app`, digest, status, tag };
  };
  const items = [{ target: `${host}/team/app:1@sha256:a`, digest: 'sha256:a' }];
  const referrers = [
    referrer('sha256:b', 'pushed', 'sig'),
    referrer('sha256:c', 'present'),
    referrer('sha256:d', 'failed'),
  ];
  put('receipt.json', JSON.stringify({ items, referrers }));
  expect([...tagsOfReceipt(join(workspace.folder, 'receipt.json'), 'case-1')]).toEqual([
    ['team/app:1', 'sha256:a'],
    ['team/app:sig', 'sha256:b'],
    ['team/app:sha256:c', 'sha256:c'],
  ]);
});

test('content that the log reports as sent must be in the registry', async () => {
  const stored = ['/v2/case-1/team/app/blobs/sha256:a', '/v2/case-1/team/app/manifests/1'];
  const server = createServer(({ url = '' }, answer) => {
    answer.writeHead(stored.includes(url) ? 200 : 404).end();
  }).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const line = (item: string, digest: string, more: object = {}): string => {
    const repository = 'proxy:1/case-1/team/app';
    return JSON.stringify({ event: 'transfer', status: 'sent', item, repository, digest, ...more });
  };
  const good = [line('blob', 'sha256:a'), line('manifest', 'sha256:m', { tag: '1' }), '{"event":"end"}'];
  const failed = line('blob', 'sha256:b', { status: 'failed' });
  expect(await checkLog(host, 'case-1', [...good, failed, ''].join('\n'))).toEqual([]);
  const wrong = await checkLog(
    host,
    'case-1',
    [...good, line('blob', 'sha256:b'), line('manifest', 'sha256:m')].join('\n'),
  );
  expect(wrong.map((text) => /team\/app\S*/.exec(text)?.[0])).toEqual([
    'team/app/blobs/sha256:b,',
    'team/app/manifests/sha256:m,',
  ]);
});
