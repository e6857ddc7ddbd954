import { describe, expect, test } from 'vitest';
import { parseReference } from '../../../../src/oci/reference.ts';
import type { FileFindings, ScanTarget } from '../../../../src/operator-scan/image/candidate.ts';
import { namesInProgram } from '../../../../src/operator-scan/image/names-in-program.ts';
import { goProgram, type ProgramOptions } from '../../../support/program.ts';
import fc from '../../../support/property.ts';

const subject: ScanTarget = {
  image: parseReference('quay.io/widget/operator:v1.0.0'),
  publishers: new Set(['widget']),
};
const location = { file: 'manager', layer: 'sha256:1' };
const build = ['path\texample.com/widget', 'build\t-trimpath=true'];

/** Filler constants of many lengths: the linker orders constants by length. */
const NEIGHBOURS = Array.from({ length: 120 }, (_, i) => ['~'.repeat(i + 3)]);

function program({ data = [], ...options }: ProgramOptions): Buffer {
  return goProgram({ build, ...options, code: options.code ?? [['main']], data: [...data, ...NEIGHBOURS] });
}

function scan(options: ProgramOptions): FileFindings {
  return namesInProgram(program(options), location, subject);
}

describe('a constant that is a complete name', () => {
  test('is read exactly although the next constant follows without a terminator', () => {
    const { candidates } = scan({ code: [['quay.io/widget/agent:v1.2.3', 'quay.io/widget/cache:v1.2.3', 'zzz']] });
    expect(candidates.map(({ written, confidence }) => `${confidence} ${written}`)).toEqual([
      'high quay.io/widget/agent:v1.2.3',
      'high quay.io/widget/cache:v1.2.3',
    ]);
  });

  test('is read by its header in data, relocated or not', () => {
    for (const relocated of [false, true]) {
      const { candidates } = scan({ data: [['quay.io/widget/agent:v1.2.3', 'other']], relocated });
      expect(candidates.map(({ written }) => written)).toEqual(['quay.io/widget/agent:v1.2.3']);
    }
  });

  test.each(['redis:6.2.6-alpine', 'postgres:16-alpine', 'postgres:17-bookworm'])('may be %s', (text) => {
    expect(scan({ code: [[text]] }).candidates.map(({ written }) => written)).toEqual([text]);
  });

  test('is reported with its byte offset in the file', () => {
    const options = { code: [['quay.io/widget/agent:v1.2.3']] };
    const bytes = program(options);
    const [found] = scan(options).candidates;
    expect(bytes.toString('latin1', found?.offset, (found?.offset ?? 0) + 27)).toBe('quay.io/widget/agent:v1.2.3');
  });

  test('of another publisher has low confidence without an image setting next to it', () => {
    const { candidates } = scan({
      code: [['AGENT_IMAGE', 'quay.io/other/agent:v1.2.3'], ['quay.io/other/cache:v1.2.3']],
    });
    expect(candidates.map(({ written, confidence }) => `${confidence} ${written}`)).toEqual([
      'medium quay.io/other/agent:v1.2.3',
      'low quay.io/other/cache:v1.2.3',
    ]);
  });

  test("of another publisher has medium confidence in the operator's own code, and low in a dependency", () => {
    const modules = [
      'mod\texample.com/widget\t(devel)\t',
      'dep\texample.com/widget/api\tv0.0.0\t',
      '=>\t./api\t(devel)\t',
      'dep\texample.com/library\tv1.2.3',
    ];
    const functions = {
      'example.com/widget/render.(*Agent).Image': 'agent',
      'example.com/widget/api/v1.init': 'cache',
      'main.main': 'door',
      'example.com/library/defaults.Set[go.shape.*example.com/widget.T]': 'entry',
      'strings.Map': 'frame',
    };
    const { candidates } = scan({
      build: [...build, ...modules],
      code: [
        ...Object.values(functions).map((name) => [`quay.io/other/${name}:v1.2.3`]),
        ['quay.io/widget/gauge:v1.2.3'],
      ],
      functions: [...Object.keys(functions), 'example.com/library/defaults.Gauge'],
    });
    expect(candidates.map(({ written, confidence, evidence }) => `${confidence} ${written}, ${evidence}`)).toEqual([
      'medium quay.io/other/door:v1.2.3, in main.main',
      'medium quay.io/other/agent:v1.2.3, in example.com/widget/render.(*Agent).Image',
      'medium quay.io/other/cache:v1.2.3, in example.com/widget/api/v1.init',
      'low quay.io/other/entry:v1.2.3, a string constant',
      'low quay.io/other/frame:v1.2.3, a string constant',
      'medium quay.io/widget/gauge:v1.2.3, same publisher (widget)',
    ]);
  });

  test("without a registry has medium confidence in the operator's own code only if its tag is a version", () => {
    const code = [['other/agent:a90e0e5d'], ['other/cache:17.2-x'], ['go/goroot:program-files-x86-go']];
    const { candidates } = scan({ code, functions: ['main.agent', 'main.cache', 'main.root'] });
    expect(candidates.map(({ written, confidence }) => `${confidence} ${written}`)).toEqual([
      'medium other/cache:17.2-x',
      'medium other/agent:a90e0e5d',
      'low go/goroot:program-files-x86-go',
    ]);
  });

  test('with a moving tag, or of the operator in another version, has low confidence', () => {
    const { candidates } = scan({ code: [['quay.io/widget/agent:latest', 'quay.io/widget/operator:v0.9.0']] });
    expect(candidates.map(({ confidence }) => confidence)).toEqual(['low', 'low']);
  });

  test.each([
    'https://github.com/widget/agent:v1.2.3',
    'registry.example.com/widget/agent:v1.0.0',
    'localhost:5000/widget/agent:v1',
    'application/json:1.0',
    'example/image:v1.2',
    'widget/agent:8080',
    'line:16-before',
    'pull quay.io/widget/agent:v1.2.3 first',
    'widget.io/v1alpha1',
    'quay.io/widget/agent:0.0.0',
    'leader_host:127.0.0.1',
    'my.registry.io/widget/agent:v1.2.3',
  ])('is not %s', (text) => {
    expect(scan({ code: [[text]], data: [[text]] }).candidates).toEqual([]);
  });
});

describe('a moving tag', () => {
  /** Candidates, and guesses that a registry has to confirm. */
  const candidatesOf = (options: ProgramOptions): string[] => {
    const { candidates, guesses } = scan(options);
    const guessed = guesses.map(
      ({ possibleReferences, isPaired }) => `${isPaired ? 'paired' : 'asked'} ${possibleReferences.join(' ')}`,
    );
    return [...candidates.map(({ reference, confidence }) => `${confidence} ${reference}`), ...guessed].toSorted();
  };

  test('counts next to an image setting, with or without a registry', () => {
    const code = [
      ['agent-image', 'quay.io/other/agent:latest'],
      ['CACHE_IMAGE', 'other/cache:edge'],
    ];
    expect(candidatesOf({ code })).toEqual(['asked docker.io/other/cache:edge', 'medium quay.io/other/agent:latest']);
  });

  test("counts in the operator's own functions whose names say image, and in no others", () => {
    const names = [
      'other/agent:latest',
      'debian:bookworm',
      'system:masters',
      'other/cache:latest',
      'other/door:latest',
    ];
    const functions = ['main.(*Agent).GetImage', 'main.helperImage', 'main.bind', 'strings.Map', 'strings.ToImage'];
    expect(candidatesOf({ code: names.map((name) => [name]), functions })).toEqual([
      'asked docker.io/library/debian:bookworm',
      'asked docker.io/other/agent:latest',
    ]);
  });

  test("counts in any of the operator's own functions for other publishers: its own use such tags for builds", () => {
    const names = ['other/agent:latest', 'quay.io/other/cache:edge', 'widget/door:latest', 'quay.io/widget/cache:main'];
    const functions = ['main.agent', 'main.cache', 'main.door', 'main.entry'];
    expect(candidatesOf({ code: names.map((name) => [name]), functions })).toEqual([
      'asked docker.io/other/agent:latest',
      'low quay.io/widget/cache:main',
      'medium quay.io/other/cache:edge',
    ]);
  });

  test("has low confidence for the operator's own image", () => {
    expect(candidatesOf({ code: [['agent-image', 'quay.io/widget/operator:latest']] })).toEqual([
      'low quay.io/widget/operator:latest',
    ]);
  });

  test('is the last guess for a name without a tag that has an image setting or `latest` next to it', () => {
    const code = [['agent-image', 'quay.io/other/agent'], ['quay.io/other/cache', 'latest'], ['quay.io/other/door']];
    const { guesses } = scan({ code, functions: ['main.agent', 'main.SetDefaults', 'main.door'] });
    expect(guesses.map(({ possibleReferences, isPaired }) => [possibleReferences.at(-1), isPaired])).toEqual([
      ['quay.io/other/agent:latest', false],
      ['quay.io/other/cache:latest', false],
    ]);
  });
});

test('a variant of `latest` gives the suffix of release tags', () => {
  const { guesses } = scan({ code: [['quay.io/widget/agent', 'latest-full']], functions: ['main.SetDefaults'] });
  expect(
    guesses.map(({ possibleReferences }) => possibleReferences.map((reference) => reference.split(':')[1])),
  ).toEqual([['v1.0.0-full', 'v1.0.0', 'latest-full']]);
});

describe('a name without its version', () => {
  test('gets the version that the code loads next to it', () => {
    const { guesses } = scan({ code: [['quay.io/widget/agent:%s', '7.8.9'], ['6.6.6']] });
    expect(guesses[0]).toMatchObject({
      isPaired: true,
      possibleReferences: ['quay.io/widget/agent:7.8.9', 'quay.io/widget/agent:v1.0.0'],
    });
  });

  test('gets no version that another function loads', () => {
    const code = [['quay.io/widget/agent:%s'], ['7.8.9']];
    const { guesses } = scan({ code, functions: ['main.agent', 'main.other'] });
    expect(guesses[0]).toMatchObject({ isPaired: false, possibleReferences: ['quay.io/widget/agent:v1.0.0'] });
  });

  test('gets the version of the linker variable with a similar name', () => {
    const flags = '-X main.agentVersion=1.2.3 -X main.cacheVersion=4.5.6';
    const { guesses } = scan({ build: [...build, `build\t-ldflags="${flags}"`], code: [['quay.io/widget/cache:%s']] });
    expect(guesses[0]?.possibleReferences[0]).toBe('quay.io/widget/cache:4.5.6');
    expect(guesses[0]?.isPaired).toBe(true);
  });

  test('is tried with all versions in variables, the newest first, and with that of the operator', () => {
    const { guesses } = scan({ code: [['quay.io/widget/agent:%s']], data: [['1.9.0'], ['1.10.0']] });
    expect(guesses[0]).toMatchObject({
      isPaired: false,
      possibleReferences: ['quay.io/widget/agent:1.10.0', 'quay.io/widget/agent:1.9.0', 'quay.io/widget/agent:v1.0.0'],
    });
  });

  test('is tried only with the version of the operator when the program holds many', () => {
    const many = Array.from({ length: 13 }, (_, i) => [`1.${i + 10}.0`]);
    const { guesses } = scan({ code: [['quay.io/widget/agent:%s']], data: many });
    expect(guesses[0]?.possibleReferences).toEqual(['quay.io/widget/agent:v1.0.0']);
  });

  test('may be a default in a struct tag whose variable is set in code', () => {
    const variable = '$' + '{CACHE_VERSION}';
    const loose = [`env:"CACHE" default:"widget/cache:${variable}"`, '\0default:"text/plain"'];
    const { guesses } = scan({ loose, code: [['CACHE_VERSION', 'v9.8.7']] });
    expect(guesses.map(({ possibleReferences }) => possibleReferences[0])).toEqual(['docker.io/widget/cache:v9.8.7']);
  });

  test('may be a default whose version is the default of another setting', () => {
    const variable = '$' + '{CACHE_VERSION}';
    const loose = ['default:"widget/cache"', `\0default:"${variable}-lite"`, '\0default:"v0.31.0"'];
    const { guesses } = scan({ loose, code: [['CACHE_VERSION', 'v9.8.7']] });
    expect(guesses[0]).toMatchObject({
      isPaired: false,
      possibleReferences: ['9.8.7-lite', '0.31.0', '1.0.0'].map((version) => `docker.io/widget/cache:v${version}`),
    });
  });

  test('may be a default with a registry and no version, which means latest; labels are not names', () => {
    const loose = ['default:"quay.io/other/agent"', '\0default:"kubernetes.io/hostname"', '\0default:"other/cache"'];
    const { guesses } = scan({ loose });
    expect(guesses.map(({ possibleReferences }) => possibleReferences.at(-1))).toEqual([
      'quay.io/other/agent:latest',
      'docker.io/other/cache:v1.0.0',
    ]);
  });

  test('may be in one record with its version, its registry before it', () => {
    const { guesses } = scan({
      data: [
        ['quay.io', 'widget/agent', 'v3.2.1'],
        ['ghcr.io/widget/cache', 'v3.2.2'],
      ],
    });
    expect(guesses.map(({ possibleReferences }) => possibleReferences[0]).toSorted()).toEqual([
      'ghcr.io/widget/cache:v3.2.2',
      'quay.io/widget/agent:v3.2.1',
    ]);
  });
});

describe('a name without a registry and a version', () => {
  const setting = 'widget-agent-image';

  test('counts next to an image setting and gets the version with a similar name', () => {
    const flags = '-X main.defaultWidget=1.65.0 -X main.defaultAgent=1.62.0';
    const { guesses } = scan({
      build: [...build, `build\t-ldflags="${flags}"`],
      code: [[setting, 'widget/widget-agent', 'The image of the agent'], ['widget/other']],
    });
    expect(guesses).toMatchObject([
      {
        isPaired: true,
        setting,
        possibleReferences: ['docker.io/widget/widget-agent:1.62.0', expect.anything(), expect.anything()],
      },
    ]);
  });

  test("counts in the operator's own functions whose names say image, and in no others (short name)", () => {
    const options = {
      code: [['widget/agent'], ['widget/library'], ['widget/pull'], ['widget/none']],
      functions: ['main.(*Agent).defaultImage.func1', 'main.library', 'main.addImagePullSecret', 'strings.ToImage'],
    };
    expect(scan(options).guesses.map(({ possibleReferences }) => possibleReferences)).toEqual([
      ['docker.io/widget/agent:v1.0.0'],
    ]);
  });

  test("is left to the registry when the operator's code takes a version next to it", () => {
    const code = [
      ['other/agent', '3.2.1'],
      ['text/cache', 'none'],
      ['other/library', '4.5.6'],
    ];
    const { guesses } = scan({ code, functions: ['main.SetDefaults', 'main.cache', 'strings.Map'] });
    expect(guesses).toMatchObject([{ isPaired: false, possibleReferences: ['docker.io/other/agent:3.2.1'] }]);
  });

  test.each(['imagePullSecrets', 'image.tar', 'agent'])('does not count next to %s', (beside) => {
    expect(scan({ code: [[beside, 'widget/agent']] }).guesses).toEqual([]);
  });
});

describe('a repository without a tag next to an image setting', () => {
  const code = [['agent-base-image', 'quay.io/other/agent']];
  const list = Array.from({ length: 8 }, (_, i) => `v3.${i + 5}.0`);

  test('is tried with every version constant, the newest first, and only the newest of a list', () => {
    const { guesses } = scan({ code: [...code, ['v0.9.1'], ['5.0.0']], data: [list, ['sole', 'v4.0.0', 'other']] });
    expect(guesses[0]?.possibleReferences.map((reference) => reference.split(':')[1])).toEqual([
      'v4.0.0',
      'v3.12.0',
      ...['v1.0.0', 'v0.9.1', '5.0.0', 'latest'],
    ]);
    expect(guesses[0]?.isPaired).toBe(false);
  });

  test('does not count without the setting', () => {
    expect(scan({ code: [['quay.io/other/agent'], ['v0.9.1']] }).guesses).toEqual([]);
  });
});

describe('a split name', () => {
  const chunks = ['quay.io/other', 'agent', '7.6.1'];

  test("is joined where the operator's code loads its parts side by side, and left to the registry", () => {
    const { guesses } = scan({ code: [chunks], functions: ['main.newAgent'] });
    expect(guesses).toMatchObject([{ isPaired: false, possibleReferences: ['quay.io/other/agent:7.6.1'] }]);
  });

  test.each([
    ['library', chunks, 'strings.Map'],
    ['part', chunks.slice(1), 'main.newAgent'],
  ])('is not joined from a %s', (_, code, name) => {
    expect(scan({ code: [code], functions: [name] }).guesses).toEqual([]);
  });
});

describe('a digest', () => {
  const digest = `sha256:${'0123456789abcdef'.repeat(4)}`;

  test('belongs to the name that the code loads next to it', () => {
    const { guesses } = scan({ code: [['quay.io/other/agent', digest]] });
    expect(guesses).toMatchObject([{ isPaired: true, possibleReferences: [`quay.io/other/agent@${digest}`] }]);
  });

  test('may belong to an official image of Docker Hub named next to it, and is left to the registry', () => {
    const { guesses } = scan({ code: [['redis', digest, 'REDIS_HOST']] });
    expect(guesses).toMatchObject([{ isPaired: false, possibleReferences: [`docker.io/library/redis@${digest}`] }]);
  });
});

describe('a list of components', () => {
  const list = ['node', 'typhoon', 'whisker'].map((name) => ['v4.5.6', name]);

  test('is tried first with the prefixes that the code joins with a registry', () => {
    const { componentLists: lists } = scan({ data: list, code: [['ghcr.io/', 'makers/']] });
    expect(lists).toHaveLength(1);
    expect(lists[0]?.components).toEqual(['node:v4.5.6', 'typhoon:v4.5.6', 'whisker:v4.5.6']);
    expect(lists[0]?.prefixes).toEqual(['ghcr.io/makers/', 'quay.io/widget/', 'ghcr.io/widget/', 'quay.io/makers/']);
  });

  test('needs three components', () => {
    expect(scan({ data: list.slice(1) }).componentLists).toEqual([]);
  });
});

describe('unreadable files', () => {
  test('are reported with the reason', () => {
    expect(namesInProgram(program({ build: [] }), location, subject).skipReason).toMatch(/\bGo\b/);
    expect(namesInProgram(Buffer.from('#!/bin/sh\n'), location, subject).skipReason).toMatch(/\bELF\b/);
  });

  test('are scanned in bounded time without errors, whatever the bytes are', () => {
    const valid = goProgram({
      build,
      code: [['quay.io/widget/agent:v1.2.3', 'x/y:%s', '1.2.3'], ['quay.io/other/agent:v1.2.3']],
      functions: ['main.main', 'main.agentImage'],
      data: [['a', 'v1.2.3']],
      relocated: true,
    });
    const edits = fc.array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { maxLength: 40 });
    const lengths = fc.option(fc.nat(valid.length));
    fc.assert(
      fc.property(edits, lengths, (changes, length) => {
        const bytes = Buffer.from(valid.subarray(0, length ?? valid.length));
        for (const [position, value] of changes) if (position < bytes.length) bytes[position] = value;
        const started = performance.now();
        namesInProgram(bytes, location, subject);
        return performance.now() - started < 2000;
      }),
      { numRuns: 150 },
    );
  });

  test('cause no errors through forged header fields', () => {
    const valid = goProgram({
      build,
      code: [['quay.io/widget/agent:v1.2.3']],
      data: [['a', 'v1.2.3']],
      relocated: true,
    });
    const table = valid.readUInt32LE(40);
    const fields = [
      ...Array.from({ length: 8 }, (_, i) => 24 + i * 8),
      ...Array.from({ length: 48 }, (_, i) => table + i * 8),
    ];
    const words = fc.oneof(fc.bigInt(0n, 0xffff_ffff_ffff_ffffn), fc.bigInt(0n, BigInt(valid.length * 2)));
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom(...fields), words), { minLength: 1, maxLength: 8 }), (changes) => {
        const bytes = Buffer.from(valid);
        for (const [position, word] of changes)
          if (position + 8 <= bytes.length) bytes.writeBigUInt64LE(word, position);
        namesInProgram(bytes, location, subject);
      }),
      { numRuns: 150 },
    );
  });
});
