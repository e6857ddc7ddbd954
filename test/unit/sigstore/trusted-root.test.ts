import { beforeAll, describe, expect, it } from 'vitest';
import { parseTrustedRoot, TRUSTED_ROOT_LIMIT } from '../../../src/sigstore/trusted-root.ts';
import { startSigstore, type TrustedRootJson } from '../../support/sigstore.ts';

let root: TrustedRootJson;
beforeAll(async () => {
  root = (await startSigstore()).trustedRoot;
});

const parse = (json: unknown) =>
  parseTrustedRoot(Buffer.from(typeof json === 'string' ? json : JSON.stringify(json)), 'root.json');
const refusal = { code: 'usage', exitCode: 2, message: expect.stringMatching(/^root\.json is not a trusted root/) };

describe('a trusted root', () => {
  it('is kept byte for byte, in each version of its format', () => {
    const text = JSON.stringify(root, undefined, 3);
    expect(Buffer.from(parse(text).bytes).toString()).toBe(text);
    for (const mediaType of ['.v0.1+json', '.v0.2+json', '+json;version=0.1']) {
      const { material } = parse({ ...root, mediaType: `application/vnd.dev.sigstore.trustedroot${mediaType}` });
      expect(material.certificateAuthorities).toHaveLength(1);
    }
    expect(parse({ ...root, timestampAuthorities: [] }).material.timestampAuthorities).toEqual([]);
  });

  it.each<[string, (json: TrustedRootJson) => unknown]>([
    ['is not JSON', () => '{'],
    ['is null', () => 'null'],
    ['is a list', () => []],
    ['has no media type', (json) => ({ ...json, mediaType: undefined })],
    ['is another document', (json) => ({ ...json, mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json' })],
    ['is of a newer version', (json) => ({ ...json, mediaType: 'application/vnd.dev.sigstore.trustedroot.v0.9+json' })],
    ['has no authority', (json) => ({ ...json, certificateAuthorities: [] })],
    [
      'has an authority without certificates',
      (json) => ({ ...json, certificateAuthorities: [{ uri: 'x', certChain: {} }] }),
    ],
    ['has no transparency log', (json) => ({ ...json, tlogs: [] })],
    ['has no log of certificates', (json) => ({ ...json, ctlogs: [] })],
    ['has a log without a key', (json) => ({ ...json, tlogs: [{ baseUrl: 'x' }] })],
    [
      'has a log with a damaged key',
      (json) => ({ ...json, ctlogs: [changed(json.ctlogs[0], 'publicKey', { rawBytes: 'AAAA' })] }),
    ],
    [
      'has a damaged certificate',
      (json) => ({ ...json, certificateAuthorities: [{ certChain: { certificates: [{ rawBytes: 'AAAA' }] } }] }),
    ],
    ['is too large', (json) => ({ ...json, more: 'x'.repeat(TRUSTED_ROOT_LIMIT) })],
  ])('is refused if it %s', (_, change) => {
    const json = change(root);
    expect(() => parse(json)).toThrow(expect.objectContaining(refusal));
  });
});

function changed(entry: object | undefined, field: string, value: object): object {
  const fields = entry as Record<string, object>;
  return { ...fields, [field]: { ...fields[field], ...value } };
}
