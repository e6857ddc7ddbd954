import { writeFileSync } from 'node:fs';
import { type RequestListener, request } from 'node:http';
import { join } from 'node:path';
import { type EcrOptions, startEcr, type TestEcr } from './ecr.ts';
import { scratchFolder } from './scratch.ts';
import { startTlsFront } from './tls-front.ts';

/** The stand-in for ECR under AWS's names, by TLS: registry, API, STS and the bucket of layers. */
export interface EcrFront extends TestEcr {
  /** Credentials, and the proxy that leads to these names. */
  readonly env: Readonly<Record<string, string>>;
  /** Password of the user AWS, as `aws ecr get-login-password` prints it. */
  password(): string;
}

/** @param host `ACCOUNT.dkr.ecr.REGION.amazonaws.com` */
export async function startEcrFront(host: string, options?: EcrOptions): Promise<EcrFront> {
  const ecr = await startEcr(options);
  const region = host.split('.')[3] ?? '';
  const bucket = `prod-${region}-starport-layer-bucket.s3.${region}.amazonaws.com`;
  const names = [host, `api.ecr.${region}.amazonaws.com`, `sts.${region}.amazonaws.com`, bucket];
  const front = await startTlsFront(towards(ecr, bucket), ...names);
  const authority = join(scratchFolder(), 'ca.pem');
  writeFileSync(authority, front.authority);
  return {
    ...ecr,
    env: {
      AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
      AWS_SECRET_ACCESS_KEY: 'example-secret-key',
      HTTPS_PROXY: front.proxy,
      NO_PROXY: '127.0.0.1',
      SSL_CERT_FILE: authority,
    },
    password: () => Buffer.from(ecr.authorization().replace('Basic ', ''), 'base64').toString().replace('AWS:', ''),
    async stop() {
      await front.stop();
      await ecr.stop();
    },
  };
}

/** Forwards requests to the stand-in, whose answers then have the host and scheme that were requested. */
function towards({ endpoint }: TestEcr, bucket: string): RequestListener {
  return (incoming, outgoing) => {
    const { method, url = '', headers } = incoming;
    if (headers.host === bucket) {
      outgoing.writeHead(403).end('<Error><Code>AccessDenied</Code></Error>');
      return;
    }
    const onward = request(new URL(url, endpoint), { method, headers: { ...headers, 'x-forwarded-proto': 'https' } });
    onward.on('response', (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    onward.on('error', () => outgoing.destroy());
    incoming.pipe(onward);
  };
}
