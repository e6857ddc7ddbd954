import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { AirgapError } from '../base/errors.ts';
import { readPem } from './certificates.ts';

/** The files of a client certificate for one host, as `--client-cert` and `--client-key` name them. */
export interface ClientCertificate {
  /** `HOST` stands for every port of it, `HOST:PORT` for that port alone. */
  readonly host: string;
  /** PEM file of the certificate, with those that lead to the authority. */
  readonly certFile: string;
  /** PEM file of its private key; that of the certificate when absent. */
  readonly keyFile?: string;
}

/** What is special about the TLS connections to one host. */
export interface HostCertificates {
  /** PEM roots to trust for this host besides all others. */
  readonly ca: readonly string[];
  /** Client certificate, with its chain, and its private key (PEM); both or neither. */
  readonly cert?: string;
  readonly key?: string;
  /** Where they were read from, for programs that read them by themselves. */
  readonly files: { readonly caFiles: readonly string[]; readonly certFile?: string; readonly keyFile?: string };
}

/**
 * Reads a client certificate and its key, and sees that they can be used.
 * @throws AirgapError `config`; no message holds anything of the key
 */
export function readPair(
  host: string,
  certFile: string,
  keyFile: string,
): Required<Pick<HostCertificates, 'cert' | 'key' | 'files'>> {
  const cert = readPem(certFile, `the client certificate for ${host},`);
  const key = keyFile === certFile ? cert : readPem(keyFile, `the key of the client certificate for ${host},`);
  const certificate = parseCertificate(cert, certFile, host);
  const isFitting = certificate.checkPrivateKey(parseKey(key, keyFile, certFile, host));
  if (!isFitting) {
    throw new AirgapError('config', `the key ${keyFile} does not fit the client certificate ${certFile} for ${host}`, {
      hint: 'give the key that the certificate was made for',
    });
  }
  const { validToDate } = certificate;
  if (validToDate.getTime() < Date.now()) {
    const day = validToDate.toISOString().slice(0, 10);
    throw new AirgapError('config', `the client certificate ${certFile} for ${host} expired on ${day}`, {
      hint: 'have it renewed by whoever runs the registry',
    });
  }
  return { cert, key, files: { caFiles: [], certFile, keyFile } };
}

function parseCertificate(pem: string, file: string, host: string): X509Certificate {
  try {
    if (pem.includes('-----BEGIN ')) return new X509Certificate(pem);
  } catch {
    // Said below.
  }
  throw new AirgapError('config', `the client certificate for ${host}, ${file}, holds no certificate`, {
    hint: 'give a PEM file, with BEGIN CERTIFICATE in it',
  });
}

function parseKey(pem: string, file: string, certFile: string, host: string): KeyObject {
  if (/-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(pem)) {
    throw new AirgapError('config', `the key ${file} of the client certificate for ${host} is encrypted`, {
      hint: 'give a key without a passphrase; openssl pkey -in FILE -out FILE writes one',
    });
  }
  try {
    return createPrivateKey(pem);
  } catch {
    // What OpenSSL says of it is of no use, and is not to hold anything of the key.
    const isMissing = file === certFile && !pem.includes('PRIVATE KEY-----');
    const message = isMissing
      ? `the client certificate ${certFile} for ${host} comes without its key`
      : `the key of the client certificate for ${host}, ${file}, holds no private key`;
    throw new AirgapError('config', message, {
      hint: isMissing ? `name the key with --client-key ${host}=FILE` : 'give a PEM file, with BEGIN PRIVATE KEY in it',
    });
  }
}
