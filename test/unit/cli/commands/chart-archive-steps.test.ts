import { expect, it } from 'vitest';
import { afterArchivePush, afterChartArchives } from '../../../../src/cli/commands/chart-archive-steps.ts';
import { parsed } from '../../../support/commands.ts';

const archive = { file: 'app 1.tgz', chart: 'app', version: '1.0.0', address: 'oci://r.example/own/app' };

it('after values, the archives are pushed and the first one is installed with the values of the user', () => {
  const flags = ['--registry-type', 'ecr', '-f', 'site.yaml', '--set', 'dbPassword=x', '--skip-schema-validation'];
  const command = parsed('values', './app', '--to', 'r.example', '--format', 'chart', '--out', 'x.tgz', ...flags);
  const archives = [archive, { ...archive, file: '-b.tgz', chart: 'b' }];
  const lines = afterChartArchives(command, {
    ...{ archives, prefix: 'own', isConfigured: false, plainHttp: true, namespace: 'team' },
  });
  expect(lines).toEqual([
    "next: helm airgap push --chart-archive 'app 1.tgz' --chart-archive ./-b.tgz --to r.example --chart-prefix own --registry-type ecr",
    '  then: helm upgrade --install app oci://r.example/own/app --version 1.0.0 --plain-http --namespace team --values site.yaml --set dbPassword=VALUE --skip-schema-validation',
  ]);
  // The plugin accepts its own advice.
  parsed(
    'push',
    '--chart-archive',
    'app 1.tgz',
    '--chart-archive',
    './-b.tgz',
    '--to',
    'r.example',
    '--chart-prefix',
    'own',
  );
  expect(
    afterChartArchives(command, {
      archives: [],
      prefix: 'own',
      isConfigured: false,
      plainHttp: false,
      namespace: undefined,
    }),
  ).toEqual([]);
});

it('after push, the chart is installed from where it is', () => {
  const command = parsed('push', '--chart-archive', 'a.tgz', '--to', 'r.example');
  expect(afterArchivePush(command, archive, { plainHttp: false, namespace: 'default' })).toEqual([
    'next: helm upgrade --install app oci://r.example/own/app --version 1.0.0',
  ]);
});
