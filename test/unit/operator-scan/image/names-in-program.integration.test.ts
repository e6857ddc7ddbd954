import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { parseReference } from '../../../../src/oci/reference.ts';
import { publishersOf } from '../../../../src/operator-scan/image/image-names.ts';
import { namesInProgram } from '../../../../src/operator-scan/image/names-in-program.ts';
import { compile, withoutGo } from '../../../support/go.ts';
import { scratchFolder } from '../../../support/scratch.ts';

const missing = withoutGo();
const SET = { agent: '1.20.3', gateway: '7.4.0', red: '1.1.1', green: '2.2.2', blue: '3.3.3', shelf: '6.6.0' };
const VARIABLES = Object.entries(SET)
  .map(([name, version]) => `-X main.${name}Version=${version}`)
  .join(' ');
const BUILDS: [string, string[]][] = [
  ['stripped', ['-trimpath', `-ldflags=-s -w ${VARIABLES}`]],
  ['position-independent', ['-trimpath', '-buildmode=pie', `-ldflags=-s -w ${VARIABLES}`]],
  ['not stripped', [`-ldflags=${VARIABLES}`]],
];

describe.each(BUILDS)('a real Go program, %s,', (_, flags) => {
  const image = parseReference('quay.io/widget-project/operator:v1.0.0');
  const program = join(scratchFolder(), 'operator');
  let found: ReturnType<typeof namesInProgram>;

  beforeAll(() => {
    if (missing !== undefined) return;
    compile('operator', program, flags);
    const location = { file: 'operator', layer: 'sha256:0' };
    found = namesInProgram(readFileSync(program), location, { image, publishers: new Set(publishersOf(image)) });
  });

  test('yields its complete names and no others', (context) => {
    if (missing !== undefined) return context.skip(missing);
    expect(found.candidates.map(({ confidence, reference }) => `${confidence} ${reference}`).toSorted()).toEqual([
      'high ghcr.io/widget-project/proxy:2.7.1-alpine',
      'high quay.io/widget-project/exporter@sha256:4b825dc642cb6eb9a060e54bf8d69288fbee4904e9f8bd65bc4aa0a4e4e5c1a2',
      'medium docker.io/other-vendor/helper:1.36.1',
      'medium quay.io/widget-project/collector:v3.2.1',
      'medium registry.k8s.io/sig-storage/first-driver:v5.0.1',
      'medium registry.k8s.io/sig-storage/livenessprobe:v2.15.0',
      'medium registry.k8s.io/sig-storage/second-driver:v5.0.2',
    ]);
    expect(found.skipReason).toBeUndefined();
  });

  test('yields its names paired with their versions', (context) => {
    if (missing !== undefined) return context.skip(missing);
    const guesses = found.guesses.filter(({ isPaired }) => isPaired);
    const paired = [...new Set(guesses.map(({ possibleReferences }) => possibleReferences[0]))];
    // -trimpath hides the linker flags that hold the version of shelf.
    // The distance between beacon and its digest depends on the compiler.
    expect(paired.filter((reference) => !/\/shelf:|\/beacon@/.test(reference ?? '')).toSorted()).toEqual([
      'docker.io/widget-project/cache:v9.8.7',
      'docker.io/widget-project/search:v9.5.5',
      'ghcr.io/widget-project/gateway:v7.4.0',
      'quay.io/other-vendor/exchange@sha256:7392fbbbb53e9e063ca94891da6656e6062f9d021c0e514888a91535b9f73231',
      'quay.io/other-vendor/lantern:11.3.0',
      'quay.io/widget-project/agent:1.20.3',
      'quay.io/widget-project/blue:3.3.3',
      'quay.io/widget-project/green:2.2.2',
      'quay.io/widget-project/red:1.1.1',
      'quay.io/widget-project/reloader:0.76.3',
    ]);
  });

  test('combines its versions with the defaults of its flags, and its digests with the words next to them', (context) => {
    if (missing !== undefined) return context.skip(missing);
    const possible = (name: string): readonly string[] | undefined =>
      found.guesses.map((guess) => guess.possibleReferences).find(([first]) => first?.includes(`/${name}`));
    expect(possible('shelf')).toContain('docker.io/widget-project/shelf:6.6.0');
    expect(possible('ledger')).toContain('quay.io/other-vendor/ledger:v3.11.2');
    expect(possible('ledger')).not.toContain('quay.io/other-vendor/ledger:v3.10.0');
    const pin = 'sha256:8061ca607db2a0c80010aeb5fc9bed0253448bc68711eaa14253a392f6c48280';
    expect(possible('haproxy')).toEqual([`docker.io/library/haproxy@${pin}`]);
    const far = 'sha256:0745934cb55d95c266daa5423ece9c149bb67db99eb2b3d9215597903724c636';
    expect(found.guesses.flatMap((guess) => guess.possibleReferences)).toContain(`quay.io/other-vendor/beacon@${far}`);
  });

  test('leaves names to the registry that only stand next to a version, have none, or are split', (context) => {
    if (missing !== undefined) return context.skip(missing);
    const guessed = found.guesses
      .filter(({ isPaired }) => !isPaired)
      .map(({ possibleReferences }) => possibleReferences.join(' '));
    expect(guessed).toEqual(
      expect.arrayContaining([
        'docker.io/other-vendor/bucket:edge',
        'docker.io/other-vendor/keeper:0.2.14',
        expect.stringMatching(/^ghcr.io\/other-vendor\/candle:7.76.1/),
        'quay.io/other-vendor/vessel:latest',
      ]),
    );
  });

  test('yields its list of components and their repository prefix', (context) => {
    if (missing !== undefined) return context.skip(missing);
    expect(found.componentLists).toMatchObject([
      {
        prefixes: expect.arrayContaining(['quay.io/widget-project/']),
        components: ['controller:v4.5.6', 'node:v4.5.6', 'typhoon:v4.5.6', 'whisker-backend:v4.5.6'],
      },
    ]);
  });
});
