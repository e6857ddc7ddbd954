import { issued } from '../../support/certificate.ts';

/** Host names used by the cases. */
const HOSTS = [
  'localhost',
  '123456789012.dkr.ecr.eu-central-1.amazonaws.com',
  'auth.docker.io',
  'auth.example.com',
  'bucket.s3.eu-central-1.amazonaws.com',
  'ghcr.io',
  'index.docker.io',
  'lscr.io',
  'oci.external-secrets.io',
  'public.ecr.aws',
  'registry-1.docker.io',
  'registry.example.com',
];

let made: ReturnType<typeof issued> | undefined;

/** Certificate of the fake registries for 127.0.0.1, ::1 and `HOSTS`, with key and authority; created once per run. */
export function authority(): ReturnType<typeof issued> {
  made ??= issued(...HOSTS);
  return made;
}
