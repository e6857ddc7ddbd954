import { beforeAll, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { parseTarget } from '../../../../src/naming/naming.ts';
import { formatPolicyController } from '../../../../src/overrides/formats/policy-controller.ts';
import type { TrustedKeys } from '../../../../src/sigstore/trusted-keys.ts';
import { MAIL, PUBLIC_KEY, privateKeys, signedImage, signers, WORKFLOW } from '../../../support/policies.ts';

const target = parseTarget('registry.internal/m', 'host-path');
let trusted: TrustedKeys;
beforeAll(async () => {
  trusted = await privateKeys();
});

function format(
  images: Parameters<typeof formatPolicyController>[0],
  keys: TrustedKeys | undefined = trusted,
  exempt: Parameters<typeof formatPolicyController>[2]['exempt'] = [],
) {
  const options = { title: 'Images of x.', trusted: keys, plainHttp: false, unsigned: [], exempt };
  const { files, left } = formatPolicyController(images, target, options);
  const text = files[0]?.text ?? '';
  return { text, left, documents: parseAllDocuments(text).map((document) => document.toJS()) };
}

const decoded = (text: string): string => Buffer.from(text, 'base64').toString();

describe('policies of policy-controller', () => {
  it('have the trusted root beside them', () => {
    const { documents, left } = format([
      signedImage('quay.io/acme/app:1', signers(WORKFLOW)),
      signedImage('quay.io/acme/new:1', signers(MAIL)),
    ]);
    expect(left).toEqual([]);
    const [root, app, other] = documents;
    expect(root).toMatchObject({ kind: 'TrustRoot', metadata: { name: 'airgap-signatures' } });
    const { certificateAuthorities, tLogs, ctLogs } = root.spec.sigstoreKeys;
    expect(certificateAuthorities[0]).toMatchObject({
      subject: { organization: 'sigstore.mock', commonName: 'sigstore' },
      uri: 'https://fulcio.sigstore.test',
    });
    expect(decoded(certificateAuthorities[0].certChain)).toBe(trusted.authorities[0]?.certificates);
    expect(decoded(tLogs[0].publicKey)).toBe(trusted.logs[0]?.publicKey);
    expect(decoded(ctLogs[0].publicKey)).toBe(trusted.certificateLogs[0]?.publicKey);
    expect(app).toMatchObject({
      apiVersion: 'policy.sigstore.dev/v1beta1',
      kind: 'ClusterImagePolicy',
      spec: {
        images: [
          { glob: 'registry.internal/m/quay.io/acme/app:*' },
          { glob: 'registry.internal/m/quay.io/acme/app@*' },
        ],
        authorities: [
          {
            keyless: {
              trustRootRef: 'airgap-signatures',
              identities: [
                {
                  issuer: 'https://token.actions.githubusercontent.com',
                  subjectRegExp: '^https://github\\.com/acme/',
                },
              ],
            },
            ctlog: { trustRootRef: 'airgap-signatures' },
          },
        ],
      },
    });
    expect(other.spec.authorities).toHaveLength(1);
    expect(app.metadata.name).not.toBe(other.metadata.name);
  });

  it('need no root for keys', () => {
    const image = signedImage('quay.io/a:1', { keys: [PUBLIC_KEY], identities: [] });
    expect(format([image], undefined).documents).toMatchObject([
      { kind: 'ClusterImagePolicy', spec: { authorities: [{ key: { data: PUBLIC_KEY } }] } },
    ]);
  });

  it('let images pass that need no signature, by their digest', () => {
    const signed = signedImage('quay.io/a:1', { keys: [PUBLIC_KEY], identities: [] });
    const exempt = signedImage('quay.io/a:2', signers());
    const { documents } = format([signed], undefined, [exempt]);
    const globs = documents.map(({ spec }) => spec.images.map(({ glob }: { glob: string }) => glob));
    expect(globs).toEqual([
      ['registry.internal/m/quay.io/a:1', `registry.internal/m/quay.io/a@${signed.digest}`],
      [`registry.internal/m/quay.io/a@${exempt.digest}`],
    ]);
    expect(documents[1].spec.authorities).toEqual([{ static: { action: 'pass' } }]);
  });

  it('leave out what the controller does not verify as this program does', () => {
    const byKey = { keys: [PUBLIC_KEY], identities: [] };
    const { left, documents } = format([
      signedImage('quay.io/a:1', signers(MAIL), { form: 'referrer' }),
      signedImage('quay.io/b:1', byKey, { form: 'bundle' }),
      signedImage('quay.io/c:1', signers(MAIL), { form: 'bundle' }),
    ]);
    expect(left.map((line) => line.slice(0, 11))).toEqual(['quay.io/a:1', 'quay.io/b:1', 'quay.io/c:1']);
    expect(documents.filter((document) => document !== null)).toEqual([]);
  });

  it('leave out logs whose key the controller does not read, and say so', () => {
    const [log] = trusted.logs as [TrustedKeys['logs'][number]];
    const keys = { ...trusted, logs: [log, { ...log, url: 'https://log2.example', isEcdsa: false }] };
    const { text, documents } = format([signedImage('quay.io/a:1', signers(MAIL))], keys);
    expect(documents[0].spec.sigstoreKeys.tLogs).toHaveLength(1);
    expect(text).toMatch(/^# .*https:\/\/log2\.example/m);
  });
});
