import { beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { parseTarget } from '../../../../src/naming/naming.ts';
import { formatKyverno } from '../../../../src/overrides/formats/kyverno.ts';
import type { TrustedKeys } from '../../../../src/sigstore/trusted-keys.ts';
import { MAIL, PUBLIC_KEY, privateKeys, signedImage, signers, WORKFLOW } from '../../../support/policies.ts';

const target = parseTarget('registry.internal/m', 'host-path');
let trusted: TrustedKeys;
beforeAll(async () => {
  trusted = await privateKeys();
});

const unsigned = { ...signedImage('quay.io/z:1', signers(MAIL)), message: 'z: unsigned' };
const format = (images: Parameters<typeof formatKyverno>[0], plainHttp = false, keys = trusted) =>
  formatKyverno(images, target, { title: 'Images of x.', trusted: keys, plainHttp, unsigned: [unsigned], exempt: [] });
const rulesOf = (text = '') => parse(text).spec.rules;

describe('a ClusterPolicy of Kyverno', () => {
  it('requires keyless signatures, with certificates and keys in it', () => {
    const { files, left } = format([signedImage('quay.io/acme/app:1', signers(WORKFLOW, MAIL))]);
    expect(left).toEqual(['z: unsigned']);
    const [rule] = rulesOf(files[0]?.text);
    expect(rule.verifyImages[0].imageReferences).toEqual([
      'registry.internal/m/quay.io/acme/app:*',
      'registry.internal/m/quay.io/acme/app@*',
    ]);
    const keys = {
      roots: trusted.authorities[0]?.certificates,
      rekor: { url: 'https://rekor.sigstore.test', pubkey: trusted.logs[0]?.publicKey },
      ctlog: { pubkey: trusted.certificateLogs[0]?.publicKey },
    };
    expect(rule.verifyImages[0].attestors).toEqual([
      {
        count: 1,
        entries: [
          {
            keyless: {
              subjectRegExp: '^https://github\\.com/acme/',
              issuer: 'https://token.actions.githubusercontent.com',
              ...keys,
            },
          },
          { keyless: { subject: 'release@acme.example', issuer: 'https://accounts.google.com', ...keys } },
        ],
      },
    ]);
  });

  it('has an entry for each pair of logs, without transparency logs whose key is not ECDSA', () => {
    const [log] = trusted.logs as [TrustedKeys['logs'][number]];
    const [ctlog] = trusted.certificateLogs as [TrustedKeys['logs'][number]];
    const other = { ...ctlog, publicKey: 'another', isEcdsa: false };
    const keys = { ...trusted, logs: [log, { ...log, isEcdsa: false }], certificateLogs: [ctlog, other] };
    const { files } = format([signedImage('quay.io/a:1', signers(MAIL))], false, keys);
    const { entries } = rulesOf(files[0]?.text)[0].verifyImages[0].attestors[0];
    expect(entries.map(({ keyless }: { keyless: { ctlog: object } }) => keyless.ctlog)).toEqual([
      { pubkey: ctlog.publicKey },
      { pubkey: 'another' },
    ]);
  });

  it('requires signatures by a key, without a log', () => {
    const images = [signedImage('quay.io/a:1', { keys: [PUBLIC_KEY], identities: [] }, { form: 'referrer' })];
    const [{ verifyImages }] = rulesOf(format(images, true).files[0]?.text);
    expect(verifyImages).toMatchObject([
      {
        cosignOCI11: true,
        imageRegistryCredentials: { allowInsecureRegistry: true },
        attestors: [
          { entries: [{ keys: { publicKeys: PUBLIC_KEY, rekor: { ignoreTlog: true }, ctlog: { ignoreSCT: true } } }] },
        ],
      },
    ]);
  });

  it('takes no text for a wildcard', () => {
    const rule = { identity: { exact: 'https://x.example/?a=*' }, issuer: MAIL.issuer };
    const { files } = format([signedImage('quay.io/a:1', signers(rule))]);
    const [{ keyless }] = rulesOf(files[0]?.text)[0].verifyImages[0].attestors[0].entries;
    expect(keyless).toMatchObject({ subjectRegExp: '^https://x\\.example/\\?a=\\*$' });
    expect(keyless).not.toHaveProperty('subject');
  });

  it('requires a sigstore bundle by a key, for which it needs no trusted root', () => {
    const images = [
      signedImage('quay.io/a:1', { keys: [PUBLIC_KEY], identities: [MAIL] }, { form: 'bundle', time: undefined }),
    ];
    const [{ verifyImages }] = rulesOf(format(images).files[0]?.text);
    expect(verifyImages[0].type).toBe('SigstoreBundle');
    expect(verifyImages[0]).not.toHaveProperty('attestors');
    const [{ type, attestors }] = verifyImages[0].attestations;
    expect(type).toBe('https://sigstore.dev/cosign/sign/v1');
    const [{ entries }] = attestors;
    expect(entries).toEqual([
      { keys: { publicKeys: PUBLIC_KEY, rekor: { ignoreTlog: true }, ctlog: { ignoreSCT: true } } },
    ]);
  });

  it('leaves out keyless sigstore bundles', () => {
    const { files, left } = format([signedImage('quay.io/a:1', signers(MAIL), { form: 'bundle' })]);
    expect(left).toEqual([expect.stringMatching(/^quay\.io\/a:1: /), 'z: unsigned']);
    expect(files[0]?.text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))).toEqual([]);
  });
});
