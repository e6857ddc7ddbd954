import { readFileSync } from 'node:fs';
import { getCACertificates } from 'node:tls';
import { AirgapError } from '../base/errors.ts';
import { reasonOf } from '../base/file-failure.ts';

/** Sources of trusted roots, in addition to those of Node and the system. */
export interface CertificateOptions {
  /** PEM file with additional roots (`--ca-file`). */
  readonly caFile?: string;
  /** Environment with SSL_CERT_FILE and NODE_EXTRA_CA_CERTS. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * Returns the trusted roots as PEM, without duplicates: the union of Node's, the system's (where a site usually
 * installs its own CA, and where Helm finds it), SSL_CERT_FILE, NODE_EXTRA_CA_CERTS and `--ca-file`.
 * @throws AirgapError `config` when a configured file cannot be read or contains no certificate
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
 * Reads a PEM file. `origin` describes the file in messages: a flag, a variable or a purpose.
 * @throws AirgapError `config`
 */
export function readPem(file: string, origin: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new AirgapError('config', `cannot read ${origin} ${file}: ${reasonOf(cause)}`, {
      hint: `check the path in ${origin} and its permissions`,
      cause,
    });
  }
}

/**
 * Reads the certificates of a PEM file. `origin` describes the file in messages.
 * @throws AirgapError `config`
 */
export function readCertificates(file: string, origin: string): readonly string[] {
  // A certificate ends before the next five dashes; one without an END line is skipped.
  const certificates = readPem(file, origin).match(
    /-----BEGIN (?:TRUSTED )?CERTIFICATE-----(?:[^-]|-(?!----))+-----END (?:TRUSTED )?CERTIFICATE-----/g,
  );
  if (certificates === null) {
    throw new AirgapError('config', `no certificate found in ${origin} ${file}`, {
      hint: 'use a PEM file that contains BEGIN CERTIFICATE',
    });
  }
  return certificates.map((pem) => `${pem}\n`);
}
