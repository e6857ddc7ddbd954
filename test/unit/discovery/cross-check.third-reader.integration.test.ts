import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { AirgapError } from '../../../src/base/errors.ts';
import { objectsIn } from '../../../src/discovery/containers.ts';
import { checkContainerImages, crossCheckImages } from '../../../src/discovery/cross-check.ts';
import { discoverReferences } from '../../../src/discovery/index.ts';
import { splitDocuments } from '../../../src/helm/documents.ts';
import { mutated } from '../../fuzz/mutate.ts';
import { compileWithModules } from '../../support/go.ts';
import { HOSTILE_MANIFESTS, mutatedManifests } from '../../support/hostile-yaml.ts';
import fc from '../../support/property.ts';
import { scratchFolder } from '../../support/scratch.ts';

/** Number of generated manifests; AIRGAP_RUNS overrides it. */
const RUNS = Number(process.env.AIRGAP_RUNS ?? 4000);

/** Result of a parser: objects and their container images, or its error. */
type ReadResult = string | { readonly refused: string };

/** Returns what Kubernetes receives: the documents between separators, each read by sigs.k8s.io/yaml. */
function readByGo(program: string, texts: readonly string[]): ReadResult[] {
  const documentTexts = texts.map((text) => splitDocuments(rendered(text)).map((document) => document.text));
  const input = documentTexts.flat().map((documentText) => `${JSON.stringify(documentText)}\n`);
  const { stdout } = spawnSync(program, [], { input: input.join(''), encoding: 'utf8', maxBuffer: 1 << 30 });
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { error?: string; object: unknown });
  let start = 0;
  return documentTexts.map((ownTexts) => {
    const read = lines.slice(start, start + ownTexts.length);
    start += ownTexts.length;
    const error = read.find((one) => one.error !== undefined)?.error;
    if (error !== undefined) return { refused: error };
    return summaryOf(
      read.map(({ object }) => object),
      (image) => typeof image === 'string',
    );
  });
}

function summaryOf(objects: readonly unknown[], isPulled: (image: unknown) => boolean): string {
  const counted = objects.flatMap((object) => objectsIn(object));
  return counted
    .map(({ kind, name, images }) => {
      const pulled = images.filter(({ image }) => isPulled(image)).map(({ path, image }) => `${path}=${image}`);
      // A line separator in a folded text stays in Go and becomes a blank here; no valid Kubernetes name contains either.
      return [`${kind}/${name}`, ...pulled].join(' ').replace(/\s+/g, ' ');
    })
    .filter((line) => line !== '/')
    .join('\n');
}

function rendered(text: string): string {
  return `---\n# Source: app/templates/t.yaml\n${text}\n`;
}

/** Result of discovery, after both checks. */
function readBySearch(text: string): ReadResult {
  const documents = splitDocuments(rendered(text));
  const references = discoverReferences(documents, { chart: 'app', profile: 'default' });
  try {
    checkContainerImages(documents);
    crossCheckImages(documents, references);
  } catch (error) {
    if (error instanceof AirgapError) return { refused: error.message };
    throw error;
  }
  const found = new Set(references.filter(({ how }) => how === 'pod-spec').map(({ written }) => written));
  return summaryOf(
    documents.map(({ object }) => object),
    (image) => typeof image === 'string' && found.has(image),
  );
}

const program = join(scratchFolder(), 'yaml-reader');
let missing: string | undefined;
beforeAll(() => {
  missing = compileWithModules('yaml-reader', program);
}, 150_000);

describe('sigs.k8s.io/yaml, which Helm uses, agrees with the search', () => {
  test('in every manifest of the corpus', (context) => {
    if (missing !== undefined) return context.skip(missing);
    const names = Object.keys(HOSTILE_MANIFESTS);
    const byGo = readByGo(program, Object.values(HOSTILE_MANIFESTS));
    const bySearch = Object.values(HOSTILE_MANIFESTS).map(readBySearch);
    expect(Object.fromEntries(names.map((name, i) => [name, bySearch[i]]))).toEqual(
      Object.fromEntries(names.map((name, i) => [name, byGo[i]])),
    );
    expect(bySearch.every((summary) => typeof summary === 'string' && summary.includes('=ghcr.io/acme/a:1.0'))).toBe(
      true,
    );
  });

  test.for([
    ['manifests with odd pieces', () => fc.sample(mutatedManifests, RUNS)],
    ['what is fuzzed with', () => fuzzed(RUNS / 16)],
  ] as const)('in %s, or they are refused', ([, make], context) => {
    if (missing !== undefined) return context.skip(missing);
    const texts = make();
    const byGo = readByGo(program, texts);
    const differences = texts.flatMap((text, i) => {
      const go = byGo[i] as ReadResult;
      if (typeof go !== 'string') return [];
      const own = readBySearch(text);
      return typeof own !== 'string' || own === go ? [] : [{ text, go, own }];
    });
    expect(differences.slice(0, 5)).toEqual([]);
    // Otherwise nothing was compared.
    expect(byGo.filter((summary) => typeof summary === 'string').length).toBeGreaterThan(texts.length / 20);
  });
});

/** Manifests that fuzzing has found, and as many new ones generated the same way. */
function fuzzed(runs: number): string[] {
  const corpus = join(import.meta.dirname, '../../fuzz/corpus/documents');
  const found = existsSync(corpus) ? readdirSync(corpus).map((file) => readFileSync(join(corpus, file))) : [];
  const seeds = Object.values(HOSTILE_MANIFESTS).map((text) => Buffer.from(text));
  return [...found, ...fc.sample(mutated(seeds), runs)].map((bytes) => bytes.toString('utf8'));
}
