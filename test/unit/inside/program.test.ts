import { describe, expect, test } from 'vitest';
import type { FileFindings, Subject } from '../../../src/inside/candidate.ts';
import { namesInProgram } from '../../../src/inside/program.ts';
import { parseReference } from '../../../src/oci/reference.ts';
import { goProgram, type ProgramOptions } from '../../support/program.ts';
import fc from '../../support/property.ts';

const subject: Subject = {
  image: parseReference('quay.io/widget/operator:v1.0.0'),
  makers: new Set(['widget']),
};
const place = { file: 'manager', layer: 'sha256:1' };
const build = ['path\texample.com/widget', 'build\t-trimpath=true'];

/** Constants around which others have their place: the linker orders them by length. */
const NEIGHBOURS = Array.from({ length: 120 }, (_, i) => ['~'.repeat(i + 3)]);

function program({ data = [], ...options }: ProgramOptions): Buffer {
  return goProgram({ build, ...options, code: options.code ?? [['main']], data: [...data, ...NEIGHBOURS] });
}

function scan(options: ProgramOptions): FileFindings {
  return namesInProgram(program(options), place, subject);
}

describe('a constant that is a whole name', () => {
  test('is taken exactly, though the next one follows without a mark', () => {
    const { candidates } = scan({ code: [['quay.io/widget/agent:v1.2.3', 'quay.io/widget/cache:v1.2.3', 'zzz']] });
    expect(candidates.map(({ written, confidence }) => `${confidence} ${written}`)).toEqual([
      'high quay.io/widget/agent:v1.2.3',
      'high quay.io/widget/cache:v1.2.3',
    ]);
  });

  test('is taken by its header in data, relocated or not', () => {
    for (const relocated of [false, true]) {
      const { candidates } = scan({ data: [['quay.io/widget/agent:v1.2.3', 'other']], relocated });
      expect(candidates.map(({ written }) => written)).toEqual(['quay.io/widget/agent:v1.2.3']);
    }
  });

  test('is where it says: the byte of the file', () => {
    const options = { code: [['quay.io/widget/agent:v1.2.3']] };
    const bytes = program(options);
    const [found] = scan(options).candidates;
    expect(bytes.toString('latin1', found?.offset, (found?.offset ?? 0) + 27)).toBe('quay.io/widget/agent:v1.2.3');
  });

  test('of other makers needs a setting beside it that says image to be more than low', () => {
    const { candidates } = scan({
      code: [['AGENT_IMAGE', 'quay.io/other/agent:v1.2.3'], ['quay.io/other/cache:v1.2.3']],
    });
    expect(candidates.map(({ written, confidence }) => `${confidence} ${written}`)).toEqual([
      'medium quay.io/other/agent:v1.2.3',
      'low quay.io/other/cache:v1.2.3',
    ]);
  });

  test('of a tag that moves, or of the operator in another version, is low', () => {
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
    'pull quay.io/widget/agent:v1.2.3 first',
    'widget.io/v1alpha1',
    'quay.io/widget/agent:0.0.0',
    'my.registry.io/widget/agent:v1.2.3',
  ])('is not %s', (text) => {
    expect(scan({ code: [[text]], data: [[text]] }).candidates).toEqual([]);
  });
});

describe('a name without its version', () => {
  test('gets the version that the code loads beside it', () => {
    const { guesses } = scan({ code: [['quay.io/widget/agent:%s', '7.8.9'], ['6.6.6']] });
    expect(guesses[0]).toMatchObject({
      isPaired: true,
      possible: ['quay.io/widget/agent:7.8.9', 'quay.io/widget/agent:v1.0.0'],
    });
  });

  test('gets the version of the linker variable that is named like it', () => {
    const flags = '-X main.agentVersion=1.2.3 -X main.cacheVersion=4.5.6';
    const { guesses } = scan({ build: [...build, `build\t-ldflags="${flags}"`], code: [['quay.io/widget/cache:%s']] });
    expect(guesses[0]?.possible[0]).toBe('quay.io/widget/cache:4.5.6');
    expect(guesses[0]?.isPaired).toBe(true);
  });

  test('may have every version of a variable, the newest first, and that of the operator', () => {
    const { guesses } = scan({ code: [['quay.io/widget/agent:%s']], data: [['1.9.0'], ['1.10.0']] });
    expect(guesses[0]).toMatchObject({
      isPaired: false,
      possible: ['quay.io/widget/agent:1.10.0', 'quay.io/widget/agent:1.9.0', 'quay.io/widget/agent:v1.0.0'],
    });
  });

  test('has only that of the operator where the program holds many', () => {
    const many = Array.from({ length: 13 }, (_, i) => [`1.${i + 10}.0`]);
    const { guesses } = scan({ code: [['quay.io/widget/agent:%s']], data: many });
    expect(guesses[0]?.possible).toEqual(['quay.io/widget/agent:v1.0.0']);
  });

  test('may be a default in the tag of a field, its variable set in the code', () => {
    const variable = '$' + '{CACHE_VERSION}';
    const loose = [`env:"CACHE" default:"widget/cache:${variable}"`, '\0default:"text/plain"'];
    const { guesses } = scan({ loose, code: [['CACHE_VERSION', 'v9.8.7']] });
    expect(guesses.map(({ possible }) => possible[0])).toEqual(['docker.io/widget/cache:v9.8.7']);
  });

  test('may be a default whose version is the default of another setting', () => {
    const variable = '$' + '{CACHE_VERSION}';
    const loose = ['default:"widget/cache"', `\0default:"${variable}-lite"`, '\0default:"v0.31.0"'];
    const { guesses } = scan({ loose, code: [['CACHE_VERSION', 'v9.8.7']] });
    expect(guesses[0]).toMatchObject({
      isPaired: false,
      possible: ['9.8.7-lite', '0.31.0', '1.0.0'].map((version) => `docker.io/widget/cache:v${version}`),
    });
  });

  test('may stand with its version in one record, its registry before it', () => {
    const { guesses } = scan({
      data: [
        ['quay.io', 'widget/agent', 'v3.2.1'],
        ['ghcr.io/widget/cache', 'v3.2.2'],
      ],
    });
    expect(guesses.map(({ possible }) => possible[0]).toSorted()).toEqual([
      'ghcr.io/widget/cache:v3.2.2',
      'quay.io/widget/agent:v3.2.1',
    ]);
  });
});

describe('a list of components', () => {
  const list = ['node', 'typhoon', 'whisker'].map((name) => ['v4.5.6', name]);

  test('is a family with the folders that the code takes beside a registry first', () => {
    const { families } = scan({ data: list, code: [['ghcr.io/', 'makers/']] });
    expect(families).toHaveLength(1);
    expect(families[0]?.members).toEqual(['node:v4.5.6', 'typhoon:v4.5.6', 'whisker:v4.5.6']);
    expect(families[0]?.prefixes).toEqual(['ghcr.io/makers/', 'quay.io/widget/', 'ghcr.io/widget/', 'quay.io/makers/']);
  });

  test('is none when it has two', () => {
    expect(scan({ data: list.slice(1) }).families).toEqual([]);
  });
});

describe('what is not read', () => {
  test('is said: another language, a packed program, no program at all', () => {
    expect(namesInProgram(program({ build: [] }), place, subject).givenUp).toBe('it is not written in Go');
    expect(namesInProgram(Buffer.from('#!/bin/sh\n'), place, subject).givenUp).toBe('it is no 64-bit ELF program');
  });

  test('costs nothing and breaks nothing, whatever the bytes are', () => {
    const good = goProgram({
      build,
      code: [['quay.io/widget/agent:v1.2.3', 'x/y:%s', '1.2.3']],
      data: [['a', 'v1.2.3']],
      relocated: true,
    });
    const edits = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 40 });
    const lengths = fc.option(fc.nat(good.length));
    fc.assert(
      fc.property(edits, lengths, (changes, length) => {
        const bytes = Buffer.from(good.subarray(0, length ?? good.length));
        for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
        const started = performance.now();
        namesInProgram(bytes, place, subject);
        return performance.now() - started < 2000;
      }),
      { numRuns: 150 },
    );
  });

  test('stays so for a header that lies: its fields are what an attacker would change', () => {
    const good = goProgram({
      build,
      code: [['quay.io/widget/agent:v1.2.3']],
      data: [['a', 'v1.2.3']],
      relocated: true,
    });
    const table = good.readUInt32LE(40);
    const fields = [
      ...Array.from({ length: 8 }, (_, i) => 24 + i * 8),
      ...Array.from({ length: 48 }, (_, i) => table + i * 8),
    ];
    const words = fc.oneof(fc.bigInt(0n, 0xffff_ffff_ffff_ffffn), fc.bigInt(0n, BigInt(good.length * 2)));
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom(...fields), words), { minLength: 1, maxLength: 8 }), (changes) => {
        const bytes = Buffer.from(good);
        for (const [at, word] of changes) if (at + 8 <= bytes.length) bytes.writeBigUInt64LE(word, at);
        namesInProgram(bytes, place, subject);
      }),
      { numRuns: 150 },
    );
  });
});
