import { readFileSync } from 'node:fs';
import { getCACertificates } from 'node:tls';
import { AirgapError } from '../base/errors.ts';
import { reasonOf } from '../base/file-failure.ts';

/** Where trusted roots come from beside those that Node and the system bring. */
export interface CertificateOptions {
  /** A PEM file of further roots (`--ca-file`). */
  readonly caFile?: string;
  /** SSL_CERT_FILE and NODE_EXTRA_CA_CERTS are read from here. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * The roots to trust, PEM, each once: Node's, the system's (a site's own authority is usually installed there, and Helm
 * trusts it), SSL_CERT_FILE, NODE_EXTRA_CA_CERTS and `--ca-file`. All of them add; none takes another away.
 * @throws AirgapError `config` when a file that was named cannot be read or holds no certificate
 */
export function trustedCertificates(options: CertificateOptions): readonly string[] {
  const { SSL_CERT_FILE, NODE_EXTRA_CA_CERTS } = options.env;
  return [
    ...new Set([
      ...getCACertificates('default'),
      ...getCACertificates('system'),
      ...(SSL_CERT_FILE ? readCertificates(SSL_CERT_FILE, 'SSL_CERT_FILE') : []),
      ...(NODE_EXTRA_CA_CERTS ? readCertificates(NODE_EXTRA_CA_CERTS, 'NODE_EXTRA_CA_CERTS') : []),
      ...(options.caFile === undefined ? [] : readCertificates(options.caFile, '--ca-file')),
    ]),
  ];
}

/**
 * The certificates of a PEM file. `origin` says in messages who named it.
 * @throws AirgapError `config`
 */
export function readCertificates(file: string, origin: string): readonly string[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new AirgapError('config', `${origin} ${file} cannot be read: ${reasonOf(cause)}`, { cause });
  }
  // Up to the next five dashes: what has no end is no certificate, and is passed over.
  const found = text.match(
    /-----BEGIN (?:TRUSTED )?CERTIFICATE-----(?:[^-]|-(?!----))+-----END (?:TRUSTED )?CERTIFICATE-----/g,
  );
  if (found === null) {
    throw new AirgapError('config', `${origin} ${file} holds no certificate`, {
      hint: 'give a PEM file, with BEGIN CERTIFICATE in it',
    });
  }
  return found.map((pem) => `${pem}\n`);
}
