import { X509Certificate } from 'node:crypto';
import { count } from '../../base/count.ts';
import type { Environment } from '../../base/environment.ts';
import { AirgapError } from '../../base/errors.ts';
import { readCertificates } from '../../http/certificates.ts';
import type { DoctorFinding } from '../../inventory/doctor-result.ts';
import { bad, good, ofError } from './finding.ts';

/** Checks the files with certificate authorities that flags and variables name. */
export function checkTrust(env: Environment, caFile: string | undefined): readonly DoctorFinding[] {
  const named = { SSL_CERT_FILE: env.SSL_CERT_FILE, NODE_EXTRA_CA_CERTS: env.NODE_EXTRA_CA_CERTS, '--ca-file': caFile };
  const findings = Object.entries(named).flatMap(([origin, file]) => (file ? [checkFile(file, origin)] : []));
  const common = 'the certificate authorities of this system and of Node.js are trusted';
  return findings.length === 0 ? [good('certificates', `${common}, and no others`)] : findings;
}

function checkFile(file: string, origin: string): DoctorFinding {
  let texts: readonly string[];
  try {
    texts = readCertificates(file, origin);
  } catch (error) {
    if (error instanceof AirgapError) return ofError('certificates', error, { name: origin });
    throw error;
  }
  const certificates = texts.map(parse);
  const readable = certificates.filter((certificate) => certificate !== undefined);
  const expired = readable.filter(({ validToDate }) => validToDate.getTime() < Date.now());
  const message = `${origin} ${file} has ${count(texts.length, 'certificate')}`;
  const broken = certificates.length - readable.length;
  const name = origin;
  if (broken > 0) {
    const hint = 'write the file again, from PEM files that openssl x509 -in FILE reads';
    return bad('certificates', `${message}, of which ${broken} cannot be read`, { name, hint });
  }
  if (expired.length > 0 && expired.length === readable.length)
    return bad('certificates', `${message}, which expired`, { name, hint: 'get the renewed certificates' });
  // Bundles of systems keep authorities that expired.
  const some = expired.length === 0 ? '' : `, of which ${expired.length} expired`;
  return good('certificates', `${message}${some}`, { name });
}

function parse(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}
