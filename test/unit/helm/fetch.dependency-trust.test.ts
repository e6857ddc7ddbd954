import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ignoreEvents } from '../../../src/base/events.ts';
import { fetchChart } from '../../../src/helm/fetch.ts';
import type { Helm } from '../../../src/helm/helm.ts';
import { chartYaml, writeFiles } from '../../support/charts.ts';
import { scratchFolder } from '../../support/scratch.ts';

const UNTRUSTED = 'Error: could not download oci://r.example/c/web: x509: certificate signed by unknown authority\n';

/** Returns the arguments of a fake Helm that always fails with the same message. */
async function packaged(repository: string, caFile: string | undefined, stderr: string): Promise<string[][]> {
  const folder = scratchFolder();
  const dependency = `dependencies:\n  - {name: web, version: 1.0.0, repository: "${repository}"}\n`;
  const chart = await writeFiles(join(folder, 'c'), { 'Chart.yaml': `${chartYaml('c', '1.0.0')}\n${dependency}` });
  const calls: string[][] = [];
  const helm = {
    emit: ignoreEvents,
    run: async (args: string[]) => {
      calls.push(args.filter((arg) => arg.startsWith('--ca-file') || arg === 'package'));
      return { exitCode: 1, stdout: '', stderr };
    },
  } as unknown as Helm;
  const hosts = new Set(['r.example:443', 'r.example']);
  const sources = { mirrors: [], plainHttp: [], allowedHosts: hosts, ...(caFile === undefined ? {} : { caFile }) };
  const request = { chart, dependencyUpdate: true };
  await expect(fetchChart(helm, request, join(folder, 'work'), folder, sources)).rejects.toMatchObject({
    hint: expect.any(String),
  });
  return calls;
}

it.each([
  ['oci://r.example/c', '/own/ca.pem', UNTRUSTED, [['package'], ['package', '--ca-file=/own/ca.pem']]],
  ['oci://r.example/c', undefined, UNTRUSTED, [['package']]],
  ['https://r.example/c', '/own/ca.pem', UNTRUSTED, [['package']]],
  ['oci://r.example/c', '/own/ca.pem', 'Error: not found\n', [['package']]],
])(
  'dependencies of %s with authorities %s: Helm gets these only after a failure without them',
  async (repository, caFile, says, calls) => {
    expect(await packaged(repository, caFile, says)).toEqual(calls);
  },
);
