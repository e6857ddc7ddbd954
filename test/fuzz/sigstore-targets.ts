import type { Digest } from '../../src/oci/digest.ts';
import { SIMPLE_SIGNING } from '../../src/oci/referrer-signature.ts';
import { verifyKeyless } from '../../src/sigstore/keyless.ts';
import { trustedKeys } from '../../src/sigstore/trusted-keys.ts';
import { parseTrustedRoot } from '../../src/sigstore/trusted-root.ts';
import { digestOf } from '../support/digest.ts';
import { IDENTITY, ISSUER, startSigstore } from '../support/sigstore.ts';
import { mutatedJson } from './mutate.ts';
import type { Target } from './targets.ts';

const DIGEST = digestOf(Buffer.from('image')) as Digest;
const SIGNATURE = 'dev.cosignproject.cosign/signature';
const sigstore = await startSigstore();
const root = parseTrustedRoot(Buffer.from(sigstore.root), 'trusted_root.json');
const bundle = await sigstore.bundle(DIGEST, { timestamp: true });
const cosign = await sigstore.sign(DIGEST, { timestamp: true });
const annotated = { payload: cosign.payload.toString(), annotations: cosign.annotations };

/** Fails if a mutation was accepted as somebody else's signature. */
function checkSigner({ identity, issuer }: ReturnType<typeof verifyKeyless>): void {
  if (identity !== IDENTITY || issuer !== ISSUER) throw new Error(`accepted as signed by ${identity}, ${issuer}`);
}

/** Signatures and roots of sigstore. */
export const sigstoreTargets: readonly Target[] = [
  {
    name: 'sigstore bundle',
    seeds: [Buffer.from(JSON.stringify(bundle))],
    bytes: mutatedJson(bundle),
    runs: 150,
    read: (bytes) => {
      const blob = { mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json', digest: DIGEST, size: bytes.length };
      checkSigner(verifyKeyless({ blob }, bytes, DIGEST, root));
    },
  },
  {
    name: 'keyless signature of cosign 2',
    seeds: [Buffer.from(JSON.stringify(annotated))],
    bytes: mutatedJson(annotated),
    runs: 150,
    read: (bytes) => {
      let json: Partial<typeof annotated> | null;
      try {
        json = JSON.parse(bytes.toString('utf8'));
      } catch {
        return;
      }
      const { payload, annotations } = Object(json) as { payload?: unknown; annotations?: Record<string, unknown> };
      // Manifests are parsed before: annotations are texts.
      const texts = Object.entries(Object(annotations)).filter(([, text]) => typeof text === 'string');
      const found = Object.fromEntries(texts) as Record<string, string>;
      const blob = { mediaType: SIMPLE_SIGNING, digest: DIGEST, size: 1, annotations: found };
      const signature = found[SIGNATURE];
      if (signature === undefined) return;
      checkSigner(verifyKeyless({ blob, signature }, Buffer.from(String(payload)), DIGEST, root));
    },
  },
  {
    name: 'trusted root',
    seeds: [Buffer.from(sigstore.root)],
    bytes: mutatedJson(sigstore.trustedRoot),
    runs: 150,
    read: (bytes) => {
      trustedKeys(parseTrustedRoot(bytes, 'trusted_root.json'));
    },
  },
];
