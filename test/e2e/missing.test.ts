import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { airgap, airgapOk } from '../support/cli.ts';
import { expectLine, expectWarning, warningsOf } from '../support/facts.ts';
import { pushImage } from '../support/images.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { scratchFolder } from '../support/scratch.ts';

/** Images that are needed, and that their registries do not have: with a registry, from the search to the receiver. */

const home = scratchFolder();
const operator = 'quay.io/acme/operator:1.5.0';
/** Named by a variable. */
const engine = 'quay.io/acme/engine:9.9.9';
/** Chosen by the operator for resources that users make. */
const agent = 'quay.io/acme/agent:1.5.0';
let upstream: TestRegistry;
let access: string[];

beforeAll(async () => {
  upstream = await startRegistry();
  access = ['--mirror', `*=${upstream.host}`, '--plain-http', upstream.host];
  await pushImage(upstream.host, 'quay.io/acme/operator', '1.5.0');
  mkdirSync(join(home, 'acme/templates'), { recursive: true });
  writeFileSync(join(home, 'acme/Chart.yaml'), 'apiVersion: v2\nname: acme\nversion: 1.0.0\n');
  writeFileSync(
    join(home, 'acme/templates/objects.yaml'),
    `apiVersion: apps/v1
kind: Deployment
metadata: {name: operator}
spec:
  selector: {matchLabels: {app: operator}}
  template:
    metadata: {labels: {app: operator}}
    spec:
      containers:
        - name: operator
          image: ${operator}
          env: [{name: RELATED_IMAGE_ENGINE, value: "${engine}"}]
---
apiVersion: acme.example/v1
kind: Widget
metadata: {name: widget}
spec: {image: "${operator}"}
`,
  );
  const rule = {
    operator: 'acme',
    source: 'made for this test',
    when: { images: ['acme/operator'] },
    images: [
      {
        name: 'agent',
        reference: 'quay.io/acme/agent:{tag}',
        for: { group: 'acme.example', kind: 'Widget' },
        unless: [{ field: 'spec.image' }],
        redirect: { kind: 'env', name: 'AGENT_IMAGE' },
      },
    ],
  };
  writeFileSync(join(home, 'rule.json'), JSON.stringify(rule));
});
afterAll(() => upstream.stop());

interface Missing {
  readonly state: string;
  readonly reference: string;
  readonly allowed?: { readonly reason?: string };
}

const run = (...words: readonly string[]) => airgap(words, home, { cwd: home });
const ruled = (...words: readonly string[]) => run(...words, ...access, '--rules', 'rule.json');

/** Runs with `-o json`; returns the exit code and what is missing. */
async function missingIn(...words: readonly string[]) {
  const { code, stdout } = await run(...words, '-o', 'json');
  return [code, (JSON.parse(stdout).missing ?? []) as Missing[]] as const;
}

const named = (...references: readonly string[]) => references.map((reference) => ({ state: 'missing', reference }));

describe('a missing image', () => {
  test('is in the bundle, its checks and the push; an operator default as well', async () => {
    const bundled = await ruled('bundle', './acme', '--out', 'open.tar');
    expect(bundled.code, bundled.stderr).toBe(3);
    expectLine(bundled.stderr, engine, /chart acme /);
    const both = named(agent, engine);
    const [verified, missing] = await missingIn('verify', 'open.tar');
    expect(verified).toBe(3);
    expect(missing).toMatchObject(both);
    // The inventory names no mirror of the connected side.
    expect(JSON.stringify(missing)).not.toContain(upstream.host);
    const inspected = await airgapOk(['inspect', 'open.tar'], home, { cwd: home });
    for (const reference of [agent, engine]) expectLine(inspected.stdout, reference);
    const target = ['--to', `${upstream.host}/target`, '--plain-http', upstream.host];
    const [planned, inPlan] = await missingIn('push', 'open.tar', ...target, '--dry-run');
    const [pushed, inPush] = await missingIn('push', 'open.tar', ...target);
    expect([planned, pushed]).toEqual([0, 0]);
    expect([inPlan, inPush]).toMatchObject([both, both]);
    const page = await airgapOk(['inspect', 'open.tar', '-o', 'html'], home, { cwd: home });
    expect(page.stdout).toContain(engine);
    expect(page.stdout).not.toContain('left out by choice');
  });

  test('is counted by a dry run and a mirror', async () => {
    const [dry, inEstimate] = await missingIn('bundle', './acme', ...access, '--out', 'dry.tar', '--dry-run');
    const mirrored = ['mirror', './acme', ...access, '--to', `${upstream.host}/mirrored`];
    const [plan, inPlan] = await missingIn(...mirrored, '--dry-run');
    const [mirror, inMirror] = await missingIn(...mirrored);
    expect([dry, plan, mirror]).toEqual([3, 3, 3]);
    expect([inEstimate, inPlan, inMirror]).toMatchObject([named(engine), named(engine), named(engine)]);
    expect((await run(...mirrored, '--allow-missing', engine)).code).toBe(0);
  });

  test('is accepted with a reason, which the other side obeys', async () => {
    const allow = ['--allow-missing', 'quay.io/acme/engine=not used', '--allow-missing', 'quay.io/acme/other'];
    const bundled = await run('bundle', './acme', ...access, ...allow, '--out', 'accepted.tar');
    expect(bundled.code, bundled.stderr).toBe(0);
    expectWarning(bundled, /--allow-missing quay\.io\/acme\/other /);
    const [code, missing] = await missingIn('verify', 'accepted.tar');
    expect(code).toBe(0);
    expect(missing).toMatchObject([{ reference: engine, allowed: { reason: 'not used' } }]);
  });
});

describe('a lock file', () => {
  const checked = async (...words: readonly string[]) => {
    const { code, stdout } = await run('images', './acme', ...words, '-o', 'json');
    const { added, gone } = JSON.parse(stdout).images as Record<string, Missing[]>;
    return [code, added?.length, gone?.map(({ reference }) => reference)];
  };

  test('records what is missing; its bundle has exactly that, also once the image exists', async () => {
    expect((await run('images', './acme', ...access, '--lock', 'open.lock')).code).toBe(3);
    const allow = ['--allow-missing', `${engine}=not used`];
    expect((await run('images', './acme', ...access, ...allow, '--lock', 'accepted.lock')).code).toBe(0);
    expect(readFileSync(join(home, 'open.lock'), 'utf8')).toContain('state: missing');
    expect(await checked(...access, '--check-lock', 'open.lock')).toEqual([3, 0, [engine]]);
    expect(await checked('--offline', '--check-lock', 'open.lock')).toEqual([3, 0, [engine]]);
    expect(await checked(...access, '--check-lock', 'accepted.lock')).toEqual([0, 0, []]);
    expect(await checked('--offline', '--check-lock', 'accepted.lock')).toEqual([0, 0, []]);

    await pushImage(upstream.host, 'quay.io/acme/engine', '9.9.9');
    expect(await checked(...access, '--check-lock', 'open.lock')).toEqual([3, 1, []]);
    const open = await missingIn('bundle', '--lock', 'open.lock', ...access, '--out', 'open-lock.tar');
    expect(open).toMatchObject([3, named(engine)]);
    const accepted = await run('bundle', '--lock', 'accepted.lock', ...access, '--out', 'accepted-lock.tar');
    expect(accepted.code).toBe(0);
    expect(warningsOf(accepted).filter((text) => text.includes('--allow-missing'))).toEqual([]);
    const allowed = { reason: 'not used' };
    expect(await missingIn('verify', 'accepted-lock.tar')).toMatchObject([0, [{ reference: engine, allowed }]]);
    // Asked for by name, it is bundled.
    const added = ['bundle', '--lock', 'open.lock', '--image', engine, ...access, '--out', 'added.tar'];
    expect(await missingIn(...added)).toEqual([0, []]);
  });

  test('with an impossible entry is refused', async () => {
    const text = readFileSync(join(home, 'accepted.lock'), 'utf8');
    writeFileSync(join(home, 'wrong.lock'), text.replace('    state: missing\n', ''));
    const refused = await run('bundle', '--lock', 'wrong.lock', ...access, '--out', 'wrong.tar');
    expect(refused.code).toBe(2);
    expectLine(refused.stderr, 'allowed');
  });
});
