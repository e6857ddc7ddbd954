import { type Bundle, bundleFromJSON } from '@sigstore/bundle';
import { digestOf, encodedOf } from '../oci/digest.ts';

/** Annotations of cosign 2 on the layer of a signature (github.com/sigstore/cosign, specs/SIGNATURE_SPEC.md). */
const CERTIFICATE = 'dev.sigstore.cosign/certificate';
const REKOR_BUNDLE = 'dev.sigstore.cosign/bundle';
const TIMESTAMP = 'dev.sigstore.cosign/rfc3161timestamp';

/** Version of bundles in which a log entry needs a signed time only, which is all that cosign 2 stores. */
const BUNDLE_V01 = 'application/vnd.dev.sigstore.bundle+json;version=0.1';

/** Content of the annotation with the entry of the transparency log. */
interface RekorBundle {
  readonly SignedEntryTimestamp?: unknown;
  readonly Payload?: {
    readonly body?: unknown;
    readonly integratedTime?: unknown;
    readonly logIndex?: unknown;
    readonly logID?: unknown;
  };
}

/**
 * Builds a sigstore bundle from a signature of cosign 2, whose parts are in annotations.
 * @param payload signed content of the layer
 * @param signature in base64
 * @throws Error for what is no keyless signature
 */
export function bundleOfAnnotations(
  payload: Uint8Array,
  signature: string,
  annotations: Readonly<Record<string, string>>,
): Bundle {
  const certificate = annotations[CERTIFICATE];
  if (certificate === undefined) throw new Error('it has no certificate');
  const timestamp = annotations[TIMESTAMP];
  return bundleFromJSON({
    mediaType: BUNDLE_V01,
    verificationMaterial: {
      x509CertificateChain: { certificates: [{ rawBytes: derOf(certificate) }] },
      tlogEntries: annotations[REKOR_BUNDLE] === undefined ? [] : [logEntry(JSON.parse(annotations[REKOR_BUNDLE]))],
      timestampVerificationData: {
        rfc3161Timestamps:
          timestamp === undefined ? [] : [{ signedTimestamp: textOf(JSON.parse(timestamp).SignedRFC3161Timestamp) }],
      },
    },
    messageSignature: {
      messageDigest: {
        algorithm: 'SHA2_256',
        digest: Buffer.from(encodedOf(digestOf(payload)), 'hex').toString('base64'),
      },
      signature,
    },
  });
}

function logEntry({ SignedEntryTimestamp: promise, Payload: entry = {} }: RekorBundle): object {
  const body = textOf(entry.body);
  const { kind, apiVersion } = Object(JSON.parse(Buffer.from(body, 'base64').toString('utf8')));
  return {
    logIndex: String(entry.logIndex),
    logId: { keyId: Buffer.from(textOf(entry.logID), 'hex').toString('base64') },
    kindVersion: { kind: textOf(kind), version: textOf(apiVersion) },
    integratedTime: String(entry.integratedTime),
    inclusionPromise: { signedEntryTimestamp: textOf(promise) },
    canonicalizedBody: body,
  };
}

/** Returns the first certificate of a PEM text, as DER in base64. */
function derOf(pem: string): string {
  const [, base64 = ''] = /-----BEGIN CERTIFICATE-----([^-]*)-----END CERTIFICATE-----/.exec(pem) ?? [];
  return base64.replace(/\s/g, '');
}

function textOf(value: unknown): string {
  if (typeof value !== 'string') throw new Error('a field of its log entry or time stamp is missing');
  return value;
}
