import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
// By their paths: the package's own entry loads nock, which replaces the HTTP client of the whole process.
import { initializeCA, initializeCTLog } from '@sigstore/mock/dist/fulcio/index.js';
import { initializeTLog } from '@sigstore/mock/dist/rekor/index.js';
import { initializeTSA } from '@sigstore/mock/dist/timestamp/index.js';
import { type ArtifactOptions, buildArtifact } from './artifacts.ts';
import type { BuiltImage } from './images.ts';

/**
 * A private sigstore: certificate authority, log of certificates, transparency log (version 1 and 2) and timestamp authority,
 * by sigstore's own mock. What it signs is laid out as cosign 2 and 3 do. Independent of src/.
 */
export interface Sigstore {
  /** Content of trusted_root.json. */
  readonly trustedRoot: TrustedRootJson;
  /** The same as text. */
  readonly root: string;
  /** Creates a signature of cosign 2: payload and annotations of the layer. */
  sign(digest: string, options?: SigningOptions): Promise<CosignSignature>;
  /** Creates a sigstore bundle with an in-toto statement, as cosign 3 does. */
  bundle(digest: string, options?: BundleOptions): Promise<Record<string, unknown>>;
}

export interface TrustedRootJson {
  readonly mediaType: string;
  readonly tlogs: readonly object[];
  readonly certificateAuthorities: readonly object[];
  readonly ctlogs: readonly object[];
  readonly timestampAuthorities: readonly object[];
}

export interface SigningOptions {
  readonly identity?: string;
  readonly issuer?: string;
  /** Leaves the certificate out of the log of certificates. */
  readonly withoutSct?: boolean;
  /** Minutes after the certificate was made at which the signature is logged; certificates are valid for ten. */
  readonly loggedAfter?: number;
  /** Adds a timestamp by the authority. */
  readonly timestamp?: boolean;
  /** Signed payload. */
  readonly payload?: object;
}

export interface BundleOptions extends SigningOptions {
  /** In-toto statement. */
  readonly statement?: object;
  readonly payloadType?: string;
  /** Version of the transparency log: the second has no time of its own. */
  readonly rekor?: 1 | 2;
}

/** Answer of a log, whose types are in a package that the mock does not bring along. */
interface LogEntry {
  readonly body: string;
  readonly integratedTime: number;
  readonly logIndex: number;
  readonly logID: string;
  readonly verification: {
    readonly signedEntryTimestamp: string;
    readonly inclusionProof: {
      readonly logIndex: number;
      readonly rootHash: string;
      readonly treeSize: number;
      readonly checkpoint: string;
    };
  };
}

export interface CosignSignature {
  readonly payload: Buffer;
  readonly annotations: Readonly<Record<string, string>>;
}

export const IDENTITY = 'https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v1';
export const ISSUER = 'https://token.actions.githubusercontent.com';

const SIGN_PREDICATE = 'https://sigstore.dev/cosign/sign/v1';
const IN_TOTO = 'application/vnd.in-toto+json';
const BUNDLE_V03 = 'application/vnd.dev.sigstore.bundle.v0.3+json';
const SHA256 = '2.16.840.1.101.3.4.2.1';

/** @param now when certificates are made */
export async function startSigstore(now = new Date()): Promise<Sigstore> {
  // The mock writes 370 ms as .37, and sigstore's library reads three digits or none. Real authorities write whole seconds.
  const at = new Date(Math.floor(now.getTime() / 1000) * 1000);
  const pair = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const [fulcio, ct, rekor, tsaKeys] = [pair(), pair(), pair(), pair()];
  const ctlog = await initializeCTLog(ct, at);
  const ca = await initializeCA(fulcio, ctlog, at);
  const withoutLog = await initializeCA(fulcio, undefined, at);
  const url = 'https://rekor.sigstore.test';
  const later = (minutes = 1): Date => new Date(at.getTime() + minutes * 60_000);
  const logAt = (minutes?: number) => initializeTLog(url, rekor, later(minutes));
  const timestampRoot = await initializeTSA(tsaKeys, at);
  const validFor = { start: new Date(at.getTime() - 3_600_000).toISOString() };
  const logOf = ({ publicKey }: { readonly publicKey: KeyObject }, baseUrl: string) => {
    const rawBytes = publicKey.export({ type: 'spki', format: 'der' });
    return {
      baseUrl,
      hashAlgorithm: 'SHA2_256',
      publicKey: { rawBytes: base64(rawBytes), keyDetails: 'PKIX_ECDSA_P256_SHA_256', validFor },
      logId: { keyId: base64(createHash('sha256').update(rawBytes).digest()) },
    };
  };
  const authority = (name: string, uri: string, ...chain: readonly ArrayBufferView[]) => ({
    subject: { organization: 'sigstore.mock', commonName: name },
    uri,
    certChain: { certificates: chain.map((bytes) => ({ rawBytes: base64(bytes) })) },
    validFor,
  });
  const trustedRoot = {
    mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
    tlogs: [logOf(rekor, url)],
    certificateAuthorities: [authority('sigstore', 'https://fulcio.sigstore.test', ca.rootCertificate)],
    ctlogs: [logOf(ct, 'https://ctfe.sigstore.test')],
    timestampAuthorities: [
      authority('tsa', 'https://tsa.sigstore.test', timestampRoot.intCertificate, timestampRoot.rootCertificate),
    ],
  };

  const certify = async ({ identity = IDENTITY, issuer = ISSUER, withoutSct }: SigningOptions) => {
    const { publicKey, privateKey } = pair();
    const der = await (withoutSct ? withoutLog : ca).issueCertificate({
      publicKey: publicKey.export({ type: 'spki', format: 'der' }) as Buffer<ArrayBuffer>,
      subjectAltName: identity,
      extensions: [
        { oid: '1.3.6.1.4.1.57264.1.1', value: issuer, legacy: true },
        { oid: '1.3.6.1.4.1.57264.1.8', value: issuer },
      ],
    });
    const lines = base64(der).match(/.{1,64}/g) ?? [];
    const pem = `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
    return { privateKey, der: base64(der), pem };
  };
  const log = async (entry: object, minutes: number | undefined) => {
    const entries = (await (await logAt(minutes)).log(entry)) as Readonly<Record<string, LogEntry>>;
    const [logged] = Object.values(entries);
    if (logged === undefined) throw new Error('the log has no entry');
    return logged;
  };
  const timestampOf = async (signature: Buffer, minutes?: number): Promise<string> => {
    const tsa = await initializeTSA(tsaKeys, later(minutes));
    const artifactHash = createHash('sha256').update(signature).digest();
    const request = {
      artifactHash,
      hashAlgorithmOID: SHA256,
      nonce: 7,
      policyOID: '1.3.6.1.4.1.57264.2',
      certReq: true,
    };
    return base64(await tsa.timestamp(request));
  };

  return {
    trustedRoot,
    root: JSON.stringify(trustedRoot),
    async sign(digest, options = {}) {
      const { privateKey, pem } = await certify(options);
      const payload = Buffer.from(JSON.stringify(options.payload ?? simpleSigning(digest)));
      const signature = sign('sha256', payload, privateKey);
      const entry = {
        apiVersion: '0.0.1',
        kind: 'hashedrekord',
        spec: {
          data: { hash: { algorithm: 'sha256', value: hex(payload) } },
          signature: { content: base64(signature), publicKey: { content: base64(Buffer.from(pem)) } },
        },
      };
      const { body, integratedTime, logIndex, logID, verification } = await log(entry, options.loggedAfter);
      const rekorBundle = {
        SignedEntryTimestamp: verification.signedEntryTimestamp,
        Payload: { body, integratedTime, logIndex, logID },
      };
      const timestamp = options.timestamp && {
        'dev.sigstore.cosign/rfc3161timestamp': JSON.stringify({
          SignedRFC3161Timestamp: await timestampOf(signature, options.loggedAfter),
        }),
      };
      return {
        payload,
        annotations: {
          'dev.cosignproject.cosign/signature': base64(signature),
          'dev.sigstore.cosign/certificate': pem,
          'dev.sigstore.cosign/bundle': JSON.stringify(rekorBundle),
          ...timestamp,
        },
      };
    },
    async bundle(digest, { payloadType = IN_TOTO, rekor: version = 1, ...options } = {}) {
      const { privateKey, der, pem } = await certify(options);
      const payload = Buffer.from(JSON.stringify(options.statement ?? signStatement(digest)));
      const encoded = Buffer.concat([
        Buffer.from(`DSSEv1 ${payloadType.length} ${payloadType} ${payload.length} `),
        payload,
      ]);
      const signature = sign('sha256', encoded, privateKey);
      const entry = version === 1 ? dsseEntry(payload, signature, pem) : dsseEntry2(payload, signature, der);
      const logged = await log(entry, options.loggedAfter);
      const proof = logged.verification.inclusionProof;
      const timestamps =
        options.timestamp || version === 2
          ? [{ signedTimestamp: await timestampOf(signature, options.loggedAfter) }]
          : [];
      return {
        mediaType: BUNDLE_V03,
        verificationMaterial: {
          certificate: { rawBytes: der },
          tlogEntries: [
            {
              logIndex: String(logged.logIndex),
              logId: { keyId: Buffer.from(logged.logID, 'hex').toString('base64') },
              kindVersion: { kind: 'dsse', version: version === 1 ? '0.0.1' : '0.0.2' },
              ...(version === 1 && {
                integratedTime: String(logged.integratedTime),
                inclusionPromise: { signedEntryTimestamp: logged.verification.signedEntryTimestamp },
              }),
              inclusionProof: {
                logIndex: String(proof.logIndex),
                rootHash: Buffer.from(proof.rootHash, 'hex').toString('base64'),
                treeSize: String(proof.treeSize),
                hashes: [],
                checkpoint: { envelope: proof.checkpoint },
              },
              canonicalizedBody: logged.body,
            },
          ],
          timestampVerificationData: { rfc3161Timestamps: timestamps },
        },
        dsseEnvelope: { payload: base64(payload), payloadType, signatures: [{ sig: base64(signature), keyid: '' }] },
      };
    },
  };
}

/** Returns cosign's payload for a digest. */
export function simpleSigning(digest: string): object {
  return {
    critical: {
      identity: { 'docker-reference': 'quay.io/acme/app' },
      image: { 'docker-manifest-digest': digest },
      type: 'cosign container image signature',
    },
    optional: null,
  };
}

/** Returns cosign's statement on a digest. */
export function signStatement(digest: string, predicateType = SIGN_PREDICATE): object {
  const subject = [{ digest: { sha256: digest.replace('sha256:', '') } }];
  return { _type: 'https://in-toto.io/Statement/v1', subject, predicateType, predicate: {} };
}

/** Lays signatures out as cosign 2 does: one manifest, with a layer for each. */
export function signatureManifest(...signatures: readonly CosignSignature[]): BuiltImage {
  const config = Buffer.from(JSON.stringify({ architecture: '', created: '0001-01-01T00:00:00Z', os: '', config: {} }));
  return buildArtifact({
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', bytes: config },
    layers: signatures.map(({ payload, annotations }) => ({
      mediaType: 'application/vnd.dev.cosign.simplesigning.v1+json',
      bytes: payload,
      annotations,
    })),
  });
}

/** Lays a sigstore bundle out as cosign 3 does: a referrer of the image. */
export function bundleManifest(bundle: object, subject: NonNullable<ArtifactOptions['subject']>): BuiltImage {
  return buildArtifact({
    artifactType: BUNDLE_V03,
    layers: [{ mediaType: BUNDLE_V03, bytes: Buffer.from(JSON.stringify(bundle)) }],
    subject,
    annotations: {
      'dev.sigstore.bundle.content': 'dsse-envelope',
      'dev.sigstore.bundle.predicateType': SIGN_PREDICATE,
    },
  });
}

/** Entry of the transparency log, version 1. */
function dsseEntry(payload: Buffer, signature: Buffer, pem: string): object {
  const envelope = JSON.stringify({ payload: base64(payload), payloadType: IN_TOTO, signatures: [base64(signature)] });
  return {
    apiVersion: '0.0.1',
    kind: 'dsse',
    spec: {
      envelopeHash: { algorithm: 'sha256', value: hex(Buffer.from(envelope)) },
      payloadHash: { algorithm: 'sha256', value: hex(payload) },
      signatures: [{ signature: base64(signature), verifier: base64(Buffer.from(pem)) }],
    },
  };
}

/** Entry of the transparency log, version 2. */
function dsseEntry2(payload: Buffer, signature: Buffer, der: string): object {
  const verifier = { x509Certificate: { rawBytes: der }, keyDetails: 'PKIX_ECDSA_P256_SHA_256' };
  const digest = createHash('sha256').update(payload).digest('base64');
  return {
    apiVersion: '0.0.2',
    kind: 'dsse',
    spec: {
      dsseV002: {
        payloadHash: { algorithm: 'SHA2_256', digest },
        signatures: [{ content: base64(signature), verifier }],
      },
    },
  };
}

function base64(bytes: ArrayBufferView): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

function hex(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
