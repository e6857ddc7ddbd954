import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fixtureChart } from '../support/charts.ts';
import { airgap, airgapOk, program } from '../support/cli.ts';
import { expectLine } from '../support/facts.ts';
import { compile, withoutGo } from '../support/go.ts';
import { pushImage } from '../support/images.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { scratchFolder } from '../support/scratch.ts';
import { tarOf } from '../support/tar.ts';

/** An operator whose binary names the images that it runs, and no manifest does: from the image scan to the private registry. */

const missing = withoutGo();
const home = scratchFolder();
const chart = fixtureChart('widget-operator');
const project = 'quay.io/widget-project';
const [dashboard, operator] = [`${project}/dashboard:v1.0.0`, `${project}/operator:v1.0.0`];
const [agent, proxy] = [`${project}/agent:1.20.3`, 'ghcr.io/widget-project/proxy:2.7.1-alpine'];
let upstream: TestRegistry;
let target: TestRegistry;
let access: string[];

beforeAll(async () => {
  if (missing !== undefined) return;
  [upstream, target] = [await startRegistry(), await startRegistry()];
  access = ['--mirror', `*=${upstream.host}`, '--plain-http', upstream.host];
  compile('operator', join(home, 'manager'), ['-trimpath', '-ldflags=-s -w -X main.agentVersion=1.20.3']);
  const layers = [tarOf([{ path: 'manager', content: readFileSync(join(home, 'manager')) }])];
  const push = (reference: string, more = {}): Promise<string> => {
    const [repository = '', tag] = reference.split(':');
    return pushImage(upstream.host, repository, tag, more);
  };
  await push(operator, { layers, config: { Entrypoint: ['/manager'] } });
  for (const reference of [dashboard, agent, proxy]) await push(reference);
});
afterAll(() => Promise.all([upstream?.stop(), target?.stop()]));

interface Image {
  readonly reference: string;
  readonly confidence: string;
  readonly need: string;
  readonly found: readonly { readonly how: string; readonly name: string; readonly path: string }[];
}

describe('an operator', () => {
  test('is scanned for the images that it runs, which are listed separately', async (context) => {
    if (missing !== undefined) return context.skip(missing);
    const json = await airgapOk(['images', chart, ...access, '--look-inside', '-o', 'json'], home);
    const { images, inside } = JSON.parse(json.stdout);
    expect((images as Image[]).map(({ reference }) => reference)).toEqual([dashboard, operator]);
    expect((inside.found as Image[]).map(({ reference, confidence }) => `${confidence} ${reference}`)).toEqual([
      `high ${proxy}`,
      `medium ${agent}`,
    ]);
    const table = await airgapOk(['images', chart, ...access, '--look-inside'], home);
    expectLine(table.stdout, agent, 'medium');
    const rules = await airgapOk(['images', chart, ...access, '--look-inside', '-o', 'rules'], home);
    expect(rules.stdout).toContain('PROXY_IMAGE');
    const reason = await airgapOk(['images', chart, ...access, '--look-inside', '--why', agent], home);
    expectLine(reason.stdout, /\bbyte \d+/, 'medium');
    expect((await airgap(['images', chart, '-o', 'rules'], home)).code).toBe(2);
  });

  test('is scanned when it is bundled, which lists its images and adds none', async (context) => {
    if (missing !== undefined) return context.skip(missing);
    const file = join(home, 'listed.tar');
    const run = await airgapOk(['bundle', chart, ...access, '--out', file, '-o', 'json'], home);
    const { lock, inside } = JSON.parse(run.stdout);
    expect((lock.images as Image[]).map(({ reference }) => reference)).toEqual([dashboard, operator]);
    expect((inside.found as Image[]).map(({ reference }) => reference)).toEqual([proxy, agent]);
    const again = await airgapOk(['bundle', chart, ...access, '--out', file, '-o', 'json'], home);
    expect(JSON.parse(again.stdout)).toMatchObject({ status: 'up-to-date', inside: { found: inside.found } });
    const flags = ['--no-look-inside', '--force', '--out', file, '-o', 'json'];
    const without = await airgapOk(['bundle', chart, ...access, ...flags], home);
    expect(JSON.parse(without.stdout).inside).toBeUndefined();
  });

  test('with --include-inside its images are bundled and pushed to the private registry', async (context) => {
    if (missing !== undefined) return context.skip(missing);
    const file = join(home, 'included.tar');
    const flags = ['--include-inside', '--out', file, '-o', 'json'];
    const run = await airgapOk(['bundle', chart, ...access, ...flags], home);
    const { lock } = JSON.parse(run.stdout) as { lock: { images: Image[] } };
    expect(lock.images.find(({ reference }) => reference === agent)).toMatchObject({
      confidence: 'likely',
      need: 'optional',
      found: [{ how: 'inside-image', chart: 'widget-operator', name: operator, path: 'manager' }],
    });
    await airgapOk(['verify', file], home);
    expect(existsSync(`${file}.inside`)).toBe(false);
    const receipt = join(home, 'receipt.json');
    const to = ['--to', `${target.host}/mirrored`, '--plain-http', target.host, '--receipt', receipt];
    await airgapOk(['push', file, ...to], home);
    const copy = `docker://${target.host}/mirrored/${agent}`;
    const raw = await program('skopeo', ['inspect', '--raw', '--tls-verify=false', copy], home);
    expect(JSON.parse(raw)).toMatchObject({ schemaVersion: 2 });
    const values = await airgap(
      ['values', 'widget-operator', '--bundle', file, '--to', `${target.host}/mirrored`],
      home,
    );
    expect(values.stdout).toContain(`${target.host}/mirrored/${operator}`);
    // No rule redirects it yet: it is reported as unmapped.
    expect(values.code).toBe(3);
    expectLine(values.stderr, new RegExp(`(?<!/)${agent}`));
    const check = ['verify', '--receipt', receipt, '--plain-http', target.host];
    await airgapOk(check, home);
    rmSync(join(target.repositories, 'mirrored', agent.replace(/:.*/, '')), { recursive: true });
    const lost = await airgap(check, home);
    expect([lost.code, lost.stdout.includes(`${target.host}/mirrored/${agent}`)]).toEqual([3, true]);
  });

  test('runs private images only, once the proposed rules are reviewed', async (context) => {
    if (missing !== undefined) return context.skip(missing);
    const { stdout } = await airgapOk(['images', chart, ...access, '--look-inside', '-o', 'rules'], home);
    const [rules, file] = [join(home, 'reviewed.yaml'), join(home, 'ruled.tar')];
    writeFileSync(rules, stdout.replace('kind: none', 'kind: env\n        name: AGENT_IMAGE'));
    const bundled = await airgapOk(['bundle', chart, ...access, '--rules', rules, '--out', file, '-o', 'json'], home);
    const { lock, inside } = JSON.parse(bundled.stdout) as { lock: { images: Image[] }; inside: { found: Image[] } };
    expect(lock.images.find(({ reference }) => reference === agent)?.found.map(({ how }) => how)).toEqual([
      'operator-rule',
    ]);
    expect(inside.found).toEqual([]);
    // The bundle keeps the rule, so `values` does not need the file.
    const values = ['values', 'widget-operator', '--bundle', file, '--to', 'private.example/m'];
    const left = await airgap([...values, '--no-inject'], home);
    expect(left.code).toBe(3);
    expectLine(left.stderr, new RegExp(`(?<!/)${agent}`));
    const all = await airgapOk(values, home);
    expectLine(all.stdout, /^#/, /\b4\b/, 'private');
    for (const image of [agent, proxy]) expect(all.stdout).toContain(`value: private.example/m/${image}\n`);
  });

  test('has its images in a lock file', async (context) => {
    if (missing !== undefined) return context.skip(missing);
    const [file, flags] = [join(home, 'airgap.lock'), ['--include-inside', ...access]];
    await airgapOk(['images', chart, ...flags, '--lock', file], home);
    const args = ['bundle', '--lock', file, ...access, '--out', join(home, 'locked.tar'), '-o', 'json'];
    const { lock } = JSON.parse((await airgapOk(args, home)).stdout);
    expect([lock.charts.length, lock.images.length]).toEqual([1, 4]);
    expect((await airgap(['bundle', '--lock', file, ...flags, '--out', join(home, 'no.tar')], home)).code).toBe(2);
    expect((await airgap(['images', chart, '--look-inside', '--lock', file], home)).code).toBe(2);
  });

  test('is scanned as the configuration file says', async (context) => {
    if (missing !== undefined) return context.skip(missing);
    const bundle = async (key: string): Promise<{ inside?: unknown; lock: { images: Image[] } }> => {
      const text = `apiVersion: airgap/v1\nkind: Config\n${key}\ncharts: [{chart: "${chart}"}]\n`;
      writeFileSync(join(home, 'airgap.yaml'), text);
      const args = ['--config', join(home, 'airgap.yaml'), ...access, '--force', '--out', join(home, 'configured.tar')];
      return JSON.parse((await airgapOk(['bundle', ...args, '-o', 'json'], home)).stdout);
    };
    expect((await bundle('lookInside: false')).inside).toBeUndefined();
    const { lock } = await bundle('includeInside: true');
    expect(lock.images.map(({ reference }) => reference)).toContain(agent);
  });
});
