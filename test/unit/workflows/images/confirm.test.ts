import { describe, expect, it, test } from 'vitest';
import { AirgapError } from '../../../../src/base/errors.ts';
import type { AirgapEvent } from '../../../../src/base/events.ts';
import { toFindings } from '../../../../src/discovery/index.ts';
import type { Confidence, Finding, LocatedReference, Location } from '../../../../src/inventory/finding.ts';
import type { Descriptor } from '../../../../src/oci/descriptor.ts';
import { formatRepository, type Repository } from '../../../../src/oci/reference.ts';
import { CandidateLimit, confirmFindings, sourcesText } from '../../../../src/workflows/images/confirm.ts';

const location: Location = {
  chart: 'shop',
  profile: 'default',
  template: 'shop/templates/deployment.yaml',
  document: 0,
  kind: 'Deployment',
  name: 'web',
  path: 'spec.args[0]',
  how: 'argument',
  written: 'x',
};
const digest = `sha256:${'0123456789abcdef'.repeat(4)}` as const;

function finding(reference: string, confidence: Confidence = 'likely'): Finding {
  return { reference, confidence, need: 'operand', found: [location] };
}

/** Confirms findings with registries that have every tag of these repositories or respond with an error. Records the requests. */
function registries(known: Readonly<Record<string, true | AirgapError>>) {
  const requests: string[] = [];
  const head = async (repository: Repository, lookup: string): Promise<Descriptor | undefined> => {
    const name = formatRepository(repository);
    requests.push(`${name} ${lookup}`);
    const answer = known[name] ?? known[repository.registry];
    if (answer instanceof AirgapError) throw answer;
    return answer && { mediaType: 'x', digest, size: 1 };
  };
  return { head, requests };
}

async function confirm(
  known: Parameters<typeof registries>[0],
  findings: readonly Finding[],
  concurrency = 4,
  allowMissing: NonNullable<Parameters<typeof confirmFindings>[2]['allowMissing']> = [],
) {
  const { head, requests } = registries(known);
  const warnings: string[] = [];
  const emit = (event: AirgapEvent) => event.type === 'warning' && warnings.push(event.message);
  const result = await confirmFindings({ head }, findings, {
    ...{ concurrency, allowMissing },
    emit: (event) => void emit(event),
  });
  const confirmed = result.images.map((one) => [one.reference, one.confidence, one.confirmed]);
  return { ...result, confirmed, requests, warnings };
}

describe('confirming', () => {
  test('marks existing images as confirmed; possible ones stay possible', async () => {
    const findings = [finding('quay.io/a/a:1'), finding('quay.io/a/b:1', 'possible'), finding('x.io/c:1', 'certain')];
    const { confirmed, dropped, requests } = await confirm({ 'quay.io': true }, findings);
    expect(confirmed).toEqual([
      ['quay.io/a/a:1', 'likely', true],
      ['quay.io/a/b:1', 'possible', true],
      ['x.io/c:1', 'certain', undefined],
    ]);
    expect(dropped).toEqual([]);
    expect(requests).toEqual(['quay.io/a/a 1', 'quay.io/a/b 1']);
  });

  test('drops missing images with their locations, and warns', async () => {
    const { confirmed, missing, warnings } = await confirm({ 'quay.io/a/a': true }, [
      finding('quay.io/a/a:1'),
      finding('quay.io/a/b:1'),
    ]);
    expect(confirmed.map(([reference]) => reference)).toEqual(['quay.io/a/a:1']);
    expect(missing).toMatchObject([
      { state: 'missing', reference: 'quay.io/a/b:1', found: [location], why: expect.stringContaining('404') },
    ]);
    expect(warnings).toEqual([
      expect.stringMatching(/quay\.io\/a\/b:1.*chart shop \(shop\/templates.*spec\.args\[0\]\).*404/),
    ]);
  });

  test("takes what does not exist for no image only if it is a guess, and not an operator's default", async () => {
    const guess = finding('quay.io/a/guess:1', 'possible');
    const operatorDefault = {
      ...finding('quay.io/a/default:1', 'possible'),
      found: [{ ...location, userMade: true as const }],
    };
    const { missing, dropped } = await confirm({}, [guess, operatorDefault, finding('quay.io/a/likely:1')]);
    expect(dropped.map(({ reference }) => reference)).toEqual(['quay.io/a/guess:1']);
    expect(missing.map(({ reference }) => reference)).toEqual(['quay.io/a/default:1', 'quay.io/a/likely:1']);
  });

  test('accepts what the user accepts, and warns of patterns that accept nothing', async () => {
    const findings = [finding('quay.io/a/a:1'), finding('quay.io/a/b:1')];
    const patterns = [{ pattern: 'quay.io/a/b', reason: 'not built' }, { pattern: 'quay.io/a/c' }];
    const { missing, warnings } = await confirm({}, findings, 4, patterns);
    expect(missing.map(({ allowed }) => allowed)).toEqual([undefined, { reason: 'not built' }]);
    expect(warnings).toContainEqual(expect.stringMatching(/--allow-missing quay\.io\/a\/c /));
    expect(warnings).not.toContainEqual(expect.stringMatching(/--allow-missing quay\.io\/a\/b /));
  });

  test('warns of one cause once, however many images it hit', async () => {
    const findings = Array.from({ length: 23 }, (_, i) => finding(`quay.io/a/missing-${i}:1`));
    const { missing, warnings } = await confirm({}, findings);
    expect([missing.length, warnings.length]).toEqual([23, 1]);
    const [, ...lines] = warnings[0]?.split('\n') ?? [];
    expect([lines.length, lines.at(-1)]).toEqual([21, '  and 3 more']);
    expect(warnings[0]?.match(/404/g)).toHaveLength(1);
  });

  test.each(['unauthorized', 'forbidden', 'registry', 'network'] as const)(
    'keeps images that cannot be checked (%s), and warns',
    async (code) => {
      const error = new AirgapError(code, 'the reason');
      const { confirmed, dropped, warnings } = await confirm({ 'ghcr.io': error }, [finding('ghcr.io/a/a:1')]);
      expect(confirmed).toEqual([['ghcr.io/a/a:1', 'likely', false]]);
      expect(dropped).toEqual([]);
      expect(warnings).toEqual([expect.stringMatching(/ghcr\.io\/a\/a:1.*the reason/)]);
    },
  );

  test('requests each manifest once, under any number of names', async () => {
    const findings = [finding(`quay.io/a/a:1@${digest}`), finding(`quay.io/a/a@${digest}`), finding('quay.io/a/a:1')];
    const { requests, confirmed } = await confirm({ 'quay.io': true }, findings);
    expect(requests).toEqual([`quay.io/a/a ${digest}`, 'quay.io/a/a 1']);
    expect(confirmed.map(([, , answer]) => answer)).toEqual([true, true, true]);
  });

  test('skips further images of an unreachable registry, but not of a busy one', async () => {
    const gone = new AirgapError('network', 'gone');
    const busy = new AirgapError('registry', 'busy');
    const findings = ['a', 'b', 'c'].flatMap((name) => [
      finding(`gone.io/x/${name}:1`),
      finding(`busy.io/x/${name}:1`),
    ]);
    const { requests, confirmed, warnings } = await confirm({ 'gone.io': gone, 'busy.io': busy }, findings, 1);
    expect(requests).toEqual(['gone.io/x/a 1', 'busy.io/x/a 1', 'busy.io/x/b 1', 'busy.io/x/c 1']);
    expect(confirmed.every(([, , answer]) => answer === false)).toBe(true);
    expect(warnings).toHaveLength(2);
  });

  test('sends no requests if everything is certain', async () => {
    const { requests, images } = await confirm({}, [finding('quay.io/a/a:1', 'certain')]);
    expect(requests).toEqual([]);
    expect(images).toEqual([finding('quay.io/a/a:1', 'certain')]);
  });
});

test('at most three sources of an image are listed', () => {
  expect(sourcesText([location])).toContain('chart shop (shop/templates/deployment.yaml, spec.args[0])');
  expect(sourcesText([{ ...location, how: 'added', chart: '' }])).toContain('command line');
  expect(sourcesText([{ ...location, how: 'added' }])).toContain('chart shop');
  const carried = { ...location, how: 'image-config', name: 'quay.io/a/a:1', path: 'config.Env["X"]' } as const;
  expect(sourcesText([carried])).toContain('quay.io/a/a:1 (config.Env["X"])');
  const five = sourcesText([location, location, location, location, location]);
  expect(five.match(/spec\.args/g)).toHaveLength(3);
  expect(five).toMatch(/\b2 more\b/);
});

function references(
  how: LocatedReference['how'],
  count: number,
  more: Partial<LocatedReference> = {},
): LocatedReference[] {
  return Array.from({ length: count }, (_, i) => {
    const reference = `ghcr.io/acme/${how}-${String(i).padStart(5, '0')}:1`;
    const where = { chart: 'acme', profile: 'default', template: 'acme/t.yaml', document: 0, kind: 'ConfigMap' };
    return {
      ...where,
      name: 'list',
      path: `data.a${i}`,
      how,
      written: reference,
      reference,
      confidence: 'likely',
      need: 'install',
      ...more,
    };
  });
}

function within(found: readonly LocatedReference[]) {
  const events: AirgapEvent[] = [];
  const limit = new CandidateLimit((event) => void events.push(event));
  const kept = limit.within(toFindings(found));
  limit.within(toFindings(found));
  return { kept: kept.length, warnings: events.filter(({ type }) => type === 'warning').length };
}

describe('CandidateLimit', () => {
  it('keeps 100 images of an image config, and warns once about the others', () => {
    expect(within(references('image-config', 3000, { kind: 'Image', template: '' }))).toEqual({
      kept: 100,
      warnings: 1,
    });
  });

  it('keeps 500 images of an object', () => {
    expect(within(references('config', 20_000))).toEqual({ kept: 500, warnings: 1 });
    expect(within(references('config', 500))).toEqual({ kept: 500, warnings: 0 });
  });

  it('counts each object separately, and keeps what another one names too', () => {
    const first = references('config', 600);
    const other = first.slice(550).map((location) => ({ ...location, name: 'other' }));
    expect(within([...first, ...other])).toEqual({ kept: 550, warnings: 1 });
  });

  it('keeps all certain images', () => {
    expect(within(references('pod-spec', 3000, { confidence: 'certain' }))).toEqual({ kept: 3000, warnings: 0 });
  });
});
