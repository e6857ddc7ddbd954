import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { AirgapError } from '../base/errors.ts';
import { readPem } from './certificates.ts';

/** Files of a client certificate for one host, as given with `--client-cert` and `--client-key`. */
export interface ClientCertificate {
  /** `HOST` for every port, `HOST:PORT` for that port only. */
  readonly host: string;
  /** PEM file of the certificate and its chain. */
  readonly certFile: string;
  /** PEM file of the private key. Default: `certFile`. */
  readonly keyFile?: string;
}

/** TLS settings specific to one host. */
export interface HostCertificates {
  /** PEM roots to trust for this host, in addition to the general ones. */
  readonly ca: readonly string[];
  /** Client certificate with its chain, and its private key (PEM); both or neither. */
  readonly cert?: string;
  readonly key?: string;
  /** Files they were read from, for other programs that read them. */
  readonly files: { readonly caFiles: readonly string[]; readonly certFile?: string; readonly keyFile?: string };
}

/**
 * Reads a client certificate and its key, and checks that they match and have not expired.
 * @throws AirgapError `config`; messages never contain key material
 */
export function readClientCertificate(
  host: string,
  certFile: string,
  keyFile: string,
): Required<Pick<HostCertificates, 'cert' | 'key' | 'files'>> {
  const cert = readPem(certFile, `the client certificate for ${host},`);
  const key = keyFile === certFile ? cert : readPem(keyFile, `the client key for ${host},`);
  const certificate = parseCertificate(cert, certFile, host);
  const isMatching = certificate.checkPrivateKey(parseKey(key, keyFile, certFile, host));
  if (!isMatching) {
    throw new AirgapError(
      'config',
      `the key ${keyFile} does not match the client certificate ${certFile} for ${host}`,
      {
        hint: 'use the private key that the certificate was issued for',
      },
    );
  }
  const { validToDate } = certificate;
  if (validToDate.getTime() < Date.now()) {
    const day = validToDate.toISOString().slice(0, 10);
    throw new AirgapError('config', `the client certificate ${certFile} for ${host} expired on ${day}`, {
      hint: 'ask the administrators of the registry to renew it',
    });
  }
  return { cert, key, files: { caFiles: [], certFile, keyFile } };
}

function parseCertificate(pem: string, file: string, host: string): X509Certificate {
  try {
    if (pem.includes('-----BEGIN ')) return new X509Certificate(pem);
  } catch {
    // Reported below.
  }
  throw new AirgapError('config', `no certificate found in the client certificate for ${host}, ${file}`, {
    hint: 'use a PEM file that contains BEGIN CERTIFICATE',
  });
}

function parseKey(pem: string, file: string, certFile: string, host: string): KeyObject {
  if (/-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(pem)) {
    throw new AirgapError('config', `the key ${file} of the client certificate for ${host} is encrypted`, {
      hint: 'use a key without a passphrase; openssl pkey -in FILE -out FILE writes one',
    });
  }
  try {
    return createPrivateKey(pem);
  } catch {
    // OpenSSL's message is of no help, and might contain key material.
    const lacksKey = file === certFile && !pem.includes('PRIVATE KEY-----');
    const message = lacksKey
      ? `the client certificate ${certFile} for ${host} has no private key`
      : `no private key found in the client key for ${host}, ${file}`;
    throw new AirgapError('config', message, {
      hint: lacksKey ? `pass the key with --client-key ${host}=FILE` : 'use a PEM file that contains BEGIN PRIVATE KEY',
    });
  }
}
