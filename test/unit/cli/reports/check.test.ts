import { describe, expect, it } from 'vitest';
import { checkReport, isFailedCheck } from '../../../../src/cli/reports/check.ts';
import type { CheckReason } from '../../../../src/inventory/check-reasons.ts';
import type { CheckedImage, CheckedWorkload, CheckResult } from '../../../../src/inventory/check-result.ts';
import { reportText } from '../../../support/report-text.ts';

const digest = (character: string): `sha256:${string}` => `sha256:${character.repeat(64)}`;

const web: CheckedWorkload = {
  chart: 'app',
  profile: 'default',
  kind: 'Deployment',
  name: 'web',
  namespace: 'shop',
  container: 'web',
  path: 'spec.template.spec.containers[0].image',
};
const job: CheckedWorkload = { ...web, kind: 'Job', name: 'migrate', container: 'run' };
const operator: CheckedWorkload = {
  chart: 'operator',
  profile: 'default',
  kind: 'Deployment',
  name: 'operator',
  path: 'spec.template.spec.containers[0].env[0].value',
  byOperator: true,
};

function image(name: string, status: 'ok' | CheckReason, more: Partial<CheckedImage> = {}): CheckedImage {
  const reference = `registry.example/m/quay.io/${name}`;
  return { reference, source: `quay.io/${name}`, status, platforms: ['linux/amd64'], workloads: [web], ...more };
}

const result: CheckResult = {
  target: 'registry.example/m',
  bundle: 'app.tar',
  platforms: ['linux/amd64'],
  charts: [
    {
      name: 'app',
      version: '1.0.0',
      profile: 'default',
      reference: 'registry.example/m/charts/app:1.0.0',
      status: 'ok',
    },
    {
      name: 'operator',
      version: '2.0.0',
      profile: 'default',
      reference: 'registry.example/m/charts/operator:2.0.0',
      status: 'not-pushed',
    },
  ],
  images: [
    image('a/web:1', 'ok', { digest: digest('a'), digestAtTarget: digest('b') }),
    { ...image('a/x:1', 'public-name', { detail: 'it is hard-coded in the template' }), reference: 'quay.io/a/x:1' },
    image('a/extra:1', 'not-in-bundle', {
      message: 'chart app 1.0.0 needs images that are not in the bundle, which was made with default: -f a.yaml',
      hint: 'bundle the chart again with the values of this check (profile default: -f site.yaml), or add these images',
      detail: 'switched on by extra.enabled',
    }),
    image('a/job:1', 'not-pushed', { workloads: [web, job] }),
    image('a/operand:1', 'not-pushed', { workloads: [operator] }),
    image('a/layers:1', 'incomplete', { detail: `1 of 3 blobs missing, such as ${digest('c')}` }),
    image('a/arm:1', 'wrong-platform', { detail: 'not for linux/amd64, only for linux/arm64' }),
    image('a/secret:1', 'no-permission', {
      anonymous: true,
      workloads: [job],
      message: 'there are no credentials for registry.example; it returned 401',
      hint: 'add pull to these Pods',
    }),
  ],
};

it('names each cause once, with what it hits', async () => {
  await expect(reportText(checkReport(result)).result).toMatchFileSnapshot('golden/check.txt');
  await expect(reportText(checkReport(result), 80).result).toMatchFileSnapshot('golden/check.80.txt');
});

it('groups by cause, whatever the order of the images', () => {
  const causes = ['there is no login', 'the login was rejected'];
  const images = causes.flatMap((message) =>
    ['a:1', 'b:1'].map((name) => image(`${message.length}/${name}`, 'no-permission', { message })),
  );
  const { result: text } = reportText(checkReport({ ...result, charts: [], images: [...images].reverse() }));
  for (const message of causes) expect(text.split(message)).toHaveLength(2);
  expect(text).toContain('0 of 4 images');
});

describe('an image asked for twice', () => {
  const twice = [image('a/web:1', 'ok'), image('a/web:1', 'no-permission', { anonymous: true, workloads: [job] })];

  it('counts once, as one that would not be pulled', () => {
    const { result: text } = reportText(checkReport({ ...result, charts: [], images: twice }));
    expect(text).toContain('0 of 1 image ');
  });
});

it('is one line if all is well', () => {
  const good = { ...result, charts: [], images: [image('a/web:1', 'ok')] };
  expect(reportText(checkReport(good)).result).toBe(
    '1 of 1 image would be pulled from registry.example/m by linux/amd64 nodes',
  );
  const { target: _, ...bundleOnly } = good;
  expect(reportText(checkReport(bundleOnly)).result).toBe('app.tar has 1 of 1 image for linux/amd64 nodes');
});

it('fails for an image or a chart', () => {
  const [present, absent] = result.charts;
  const [good, bad] = result.images;
  expect(isFailedCheck({ charts: [], images: [] })).toBe(false);
  expect(isFailedCheck({ charts: [present as never], images: [good as never] })).toBe(false);
  expect(isFailedCheck({ charts: [absent as never], images: [good as never] })).toBe(true);
  expect(isFailedCheck({ charts: [present as never], images: [bad as never] })).toBe(true);
});

it('escapes what charts and registries say', () => {
  const hostile = image('a/web:1', 'no-permission', {
    message: 'no\u001b[2J\nnext: rm',
    workloads: [{ ...web, name: 'x\u001b[31m\ny' }],
  });
  const { result: text } = reportText(checkReport({ ...result, images: [hostile] }));
  // biome-ignore lint/suspicious/noControlCharactersInRegex: looked for
  expect(text).not.toMatch(/\u001b/);
  expect(text.split('\n').some((line) => line.startsWith('next:') || line.startsWith('y'))).toBe(false);
});
