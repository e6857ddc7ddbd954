import { describe, expect, it } from 'vitest';
import { postRender } from '../../../../src/overrides/edits/post-render.ts';
import type { PostRenderEntry } from '../../../../src/overrides/edits/post-render-map.ts';

const IMAGE = 'quay.io/acme/app:1';
const PRIVATE = 'ecr.example:5000/m/quay.io/acme/app:1';
const TEMPLATE = 'web/templates/a.yaml';
const CONTAINER = 'spec.containers[0].image';

const entry = (path: string, fields: Partial<PostRenderEntry> = {}): PostRenderEntry => {
  return { template: TEMPLATE, kind: 'Pod', path, from: IMAGE, to: PRIVATE, ...fields };
};
const config = (path: string, fields: Partial<PostRenderEntry> = {}): PostRenderEntry =>
  entry(path, { kind: 'ConfigMap', ...fields });

/** Formats a manifest as in Helm 3's output. */
const helm3 = (text: string, template = TEMPLATE): string => `---\n# Source: ${template}\n${text}`;
const pod = (image: string): string => `kind: Pod\nspec:\n  containers:\n    - image: ${image}\n      name: app\n`;
const configMap = (data: string): string => `kind: ConfigMap\ndata:\n${data}`;

/** Rewrites one manifest; fails if an entry is unused. */
async function rewritten(manifest: string, ...entries: PostRenderEntry[]): Promise<string> {
  const { text, unused } = await postRender(helm3(manifest), entries);
  expect(unused).toEqual([]);
  expect(text.startsWith(helm3(''))).toBe(true);
  return text.slice(helm3('').length);
}

describe('the post-renderer', () => {
  it('changes the given location and no other bytes', async () => {
    const manifest = `# ${IMAGE}\n${pod(`${IMAGE} # was ${IMAGE}`)}  note:   "${IMAGE}"\n\n\n`;
    expect(await rewritten(manifest, entry(CONTAINER))).toBe(manifest.replace(`image: ${IMAGE}`, `image: ${PRIVATE}`));
  });

  it.each([
    ['plain', 'k: X', 'k: Y'],
    ['between single quotes', "k: 'it''s X'", "k: 'it''s Y'"],
    ['between double quotes', String.raw`k: "\u0041\t\"X\""`, String.raw`k: "\u0041\t\"Y\""`],
    ['spelled with escapes', String.raw`k: "quay.io\/acme\u002fapp:1"`, 'k: "Y"'],
    ['broken by an escaped line end', 'k: "a quay.io/ac\\\n    me/app:1 b"', 'k: "a Y b"'],
    ['in a block', 'k: |\n    a\n      X\n    b', 'k: |\n    a\n      Y\n    b'],
    ['in a block with its own indentation', 'k: |2-\n      X\n     b', 'k: |2-\n      Y\n     b'],
    ['in a folded block', 'k: >-\n    a\n    X b\n\n    c', 'k: >-\n    a\n    Y b\n\n    c'],
    ['over several lines', 'k: a\n    X\n    b', 'k: a\n    Y\n    b'],
    ['with an anchor', 'k: &a X\n  j: 1', 'k: &a Y\n  j: 1'],
    ['with lines that end as on Windows', 'k: |\r\n    a\r\n    X\r\n  j: 1\r', 'k: |\r\n    a\r\n    Y\r\n  j: 1\r'],
  ])('keeps the YAML style of a value: %s', async (_, before, after) => {
    const manifest = configMap(`  ${before.replaceAll('X', IMAGE)}\n  last: ${IMAGE}\n`);
    const expected = configMap(`  ${after.replaceAll('Y', PRIVATE)}\n  last: ${IMAGE}\n`);
    expect(await rewritten(manifest, config('data.k'))).toBe(expected);
  });

  it('finds fields in flow collections, and keys with dots, quotes and blanks', async () => {
    const manifest = configMap(`  "a.b": {c: [x, ${IMAGE}], 'd "e"': "${IMAGE}"}\n`);
    const entries = [config('data["a.b"].c[1]'), config('data["a.b"]["d \\"e\\""]')];
    expect(await rewritten(manifest, ...entries)).toBe(manifest.replaceAll(IMAGE, PRIVATE));
  });

  it('uses the last of duplicate keys, as Kubernetes does', async () => {
    const manifest = configMap(`  k: ${IMAGE}\n  k: ${IMAGE}\n`);
    expect(await rewritten(manifest, config('data.k'))).toBe(configMap(`  k: ${IMAGE}\n  k: ${PRIVATE}\n`));
  });

  it('changes aliased and merged values at their anchor', async () => {
    const manifest = `kind: ConfigMap\nbase: &base {image: ${IMAGE}}\none: &one ${IMAGE}\ntwo: *one\nthree: {<<: *base}\n`;
    const expected = manifest.replaceAll(IMAGE, PRIVATE);
    expect(await rewritten(manifest, config('two'), config('three.image'))).toBe(expected);
  });

  it('reads lenient YAML as Kubernetes does, and keeps it', async () => {
    const manifest = configMap(`  k: "a ${IMAGE}\nb"#c\n  l: [\n${IMAGE},\n"${IMAGE}"]\n`);
    const expected = configMap(`  k: "a ${PRIVATE}\nb"#c\n  l: [\n${IMAGE},\n"${PRIVATE}"]\n`);
    expect(await rewritten(manifest, config('data.k'), config('data.l[1]'))).toBe(expected);
  });

  it('rewrites nested YAML, JSON and base64 at any depth', async () => {
    const yaml = `a:\n  image: ${IMAGE} # ${IMAGE}\nb: ${IMAGE}\n`;
    const inner = (image: string): string => `a:\n  image: ${image} # ${IMAGE}\nb: ${IMAGE}\n`;
    const encoded = (text: string): string => Buffer.from(text).toString('base64');
    const manifest = (image: string): string =>
      configMap(
        [
          `  yaml: |\n${inner(image).replace(/^(?=.)/gm, '    ')}`,
          `  json: '{"x": ["${image}", "${IMAGE}"]}'\n`,
          `  text: ${encoded(inner(image))}\n`,
          `  deep: ${encoded(JSON.stringify({ y: inner(image) }))}\n`,
        ].join(''),
      );
    expect(manifest(IMAGE)).toContain(encoded(yaml));
    const entries = [
      config('data.yaml', { within: 'yaml:a.image' }),
      config('data.json', { within: 'json:x[0]' }),
      config('data.text', { within: 'base64 > yaml:a.image' }),
      config('data.deep', { within: 'base64 > json:y > yaml:a.image' }),
    ];
    expect(await rewritten(manifest(IMAGE), ...entries)).toBe(manifest(PRIVATE));
  });

  it('rewrites one of several documents in a text', async () => {
    const manifest = (image: string): string => configMap(`  k: |\n    a: ${IMAGE}\n    ---\n    a: ${image}\n`);
    expect(await rewritten(manifest(IMAGE), config('data.k', { within: 'yaml[1]:a' }))).toBe(manifest(PRIVATE));
  });

  it('replaces whole references in text, not parts of longer ones', async () => {
    const text = (image: string): string =>
      configMap(
        `  run: |\n    docker run ${image} a; x ${image}.\n    y x/${IMAGE} ${IMAGE}.2 ${IMAGE}-b ${IMAGE}@s\n`,
      );
    expect(await rewritten(text(IMAGE), config('data.run'))).toBe(text(PRIVATE));
  });

  it('replaces a single word only if it is unambiguous', async () => {
    const name = { from: 'busybox', to: 'ecr.example/m/docker.io/library/busybox' };
    const manifest = configMap('  k: |\n    busybox=busybox\n    a: busybox\n  name: busybox\n');
    const expected = manifest.replace('=busybox', `=${name.to}`);
    expect(await rewritten(manifest, config('data.k', { ...name, within: 'line 1' }))).toBe(expected);
    // Two occurrences in one text are ambiguous.
    const { text, unused } = await postRender(helm3(manifest), [config('data.k', name)]);
    expect([text, unused.length]).toEqual([helm3(manifest), 1]);
  });

  it('replaces base64 in a line of a script', async () => {
    const blob = (image: string): string => Buffer.from(`image: ${image}\n`).toString('base64');
    const script = (image: string): string => configMap(`  run: |\n    set -e\n    echo ${blob(image)} | base64 -d\n`);
    const field = config('data.run', { within: 'line 2 word 2 > base64 > yaml:image' });
    expect(await rewritten(script(IMAGE), field)).toBe(script(PRIVATE));
  });

  it('applies entries to a whole template, including comments', async () => {
    const manifest = `# runs ${IMAGE}\n${pod(IMAGE)}`;
    const { template, from, to } = entry(CONTAINER);
    expect(await rewritten(manifest, { template, from, to })).toBe(manifest.replaceAll(IMAGE, PRIVATE));
  });

  it('keeps other templates, kinds, fields and texts, and returns unused entries', async () => {
    const stream = `${helm3(pod(IMAGE), 'web/templates/b.yaml')}${helm3(pod('quay.io/acme/app:2'))}${helm3(`x: ${IMAGE}\n`)}`;
    const entries = [entry(CONTAINER), entry('x'), entry('x', { kind: '', from: 'quay.io/acme/other:1' })];
    expect(await postRender(stream, entries)).toEqual({ text: stream, unused: entries, caller: 'helm3' });
  });

  it('skips a manifest that is not valid YAML', async () => {
    const stream = helm3(`kind: Pod\n a: [${IMAGE}\n: : x`);
    expect(await postRender(stream, [entry(CONTAINER)])).toMatchObject({ text: stream, unused: [{}] });
  });

  it("identifies Helm 4's manifests by their annotation, which is kept", async () => {
    const annotated = (text: string, template: string): string =>
      `${text}metadata:\n  annotations:\n    postrenderer.helm.sh/postrender-filename: '${template}'\n`;
    const stream = [annotated(`# Source: x\n${pod(IMAGE)}`, TEMPLATE), annotated(pod(IMAGE), 'web/templates/b.yaml')];
    const flowStyle = `kind: Pod\nmetadata: {annotations: {a: "b", postrenderer.helm.sh/postrender-filename: '${TEMPLATE}'}}\nspec: {containers: [{image: ${IMAGE}}]}\n`;
    const before = [...stream, flowStyle].join('---\n');
    const { text, unused, caller: from } = await postRender(before, [entry(CONTAINER)]);
    expect([unused, from]).toEqual([[], 'helm4']);
    expect(text).toBe([stream[0]?.replace(IMAGE, PRIVATE), stream[1], flowStyle.replace(IMAGE, PRIVATE)].join('---\n'));
  });

  it('returns an empty stream unchanged, and refuses one without template names', async () => {
    expect(await postRender('', [entry(CONTAINER)])).toMatchObject({ text: '', unused: [{}] });
    await expect(postRender(pod(IMAGE), [entry(CONTAINER)])).rejects.toMatchObject({ code: 'unsupported' });
  });
});
