import { TrustedRoot as TrustedRootMessage } from '@sigstore/protobuf-specs';
import type { TrustedRoot } from './trusted-root.ts';

/** A certificate authority, with its certificates in PEM. */
export interface TrustedAuthority {
  readonly organization: string;
  readonly commonName: string;
  readonly uri: string;
  readonly certificates: string;
}

/** A log, with its key in PEM. */
export interface TrustedLog {
  readonly url: string;
  readonly publicKey: string;
  readonly isEcdsa: boolean;
}

/** What policies in a cluster take of a trusted root. They do not know when a key was in use. */
export interface TrustedKeys {
  readonly authorities: readonly TrustedAuthority[];
  /** Transparency logs. */
  readonly logs: readonly TrustedLog[];
  /** Logs of certificates. */
  readonly certificateLogs: readonly TrustedLog[];
}

/** Returns the certificates and keys of a trusted root in PEM. */
export function trustedKeys({ bytes, material }: TrustedRoot): TrustedKeys {
  const { certificateAuthorities } = TrustedRootMessage.fromJSON(JSON.parse(Buffer.from(bytes).toString('utf8')));
  const logsOf = (logs: typeof material.tlogs): TrustedLog[] =>
    logs.map(({ baseURL, publicKey }) => ({
      url: baseURL,
      publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
      isEcdsa: publicKey.asymmetricKeyType === 'ec',
    }));
  return {
    authorities: certificateAuthorities.map(({ subject, uri, certChain }) => ({
      organization: subject?.organization || 'sigstore',
      commonName: subject?.commonName || 'sigstore',
      uri,
      certificates: (certChain?.certificates ?? []).map(({ rawBytes }) => certificatePem(rawBytes)).join(''),
    })),
    logs: logsOf(material.tlogs),
    certificateLogs: logsOf(material.ctlogs),
  };
}

function certificatePem(der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
}
