import { send } from '../fake/answers.ts';
import { image } from '../fake/content.ts';
import { bearer, wantPassword, wantTokens } from '../fake/tokens.ts';
import { quirk } from '../quirk.ts';
import type { Stage } from '../stage.ts';

const PRIVATE = '123456789012.dkr.ecr.eu-central-1.amazonaws.com';
const SDK = 'https://docs.aws.amazon.com/sdk-for-javascript/v3/developer-guide/configuring-the-jssdk.html';
const PROFILES = 'https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-files.html';
const KEYS = { AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: 'wJalrXUtnFEMI' };
const PUBLIC_IMAGE = 'public.ecr.aws/docker/library/nginx:1';

/** Sets up public.ecr.aws with anonymous tokens, and a private registry that requires a login. */
async function registries(stage: Stage): Promise<void> {
  const registry = await stage.fake({ tls: true });
  registry.put('docker/library/nginx', '1', image());
  wantTokens(registry, {
    challenge: bearer('https://public.ecr.aws/token', 'public.ecr.aws'),
  });
  const closed = await stage.fake({ tls: true });
  wantPassword(closed, 'AWS', 'a-token');
  await stage.hosts({ 'public.ecr.aws': registry, [PRIVATE]: closed });
}

quirk({
  id: 'aws/ecr-api-takes-requests-and-never-answers',
  weight: 'must',
  seenIn: 'VPC endpoints and proxies that accept connections and never answer',
  source: SDK,
  expected: 'ends in time, and names the registry',
  seconds: 50,
  run: async (stage) => {
    const api = await stage.raw(() => {});
    await registries(stage);
    const env = { ...KEYS, AWS_ENDPOINT_URL_ECR: `http://${api.host}` };
    const run = await stage.bundle([], `${PRIVATE}/team/app:1`, { env, timeout: 250_000 });
    stage.fails(run, new RegExp(PRIVATE), { within: 230, code: 1 });
  },
});
quirk({
  id: 'aws/ecr-public-api-never-answers',
  weight: 'should',
  seenIn: 'networks in which api.ecr-public.us-east-1.amazonaws.com does not answer',
  source: SDK,
  expected: 'a warning, then anonymous access',
  seconds: 15,
  run: async (stage) => {
    const api = await stage.raw(() => {});
    await registries(stage);
    const env = { ...KEYS, AWS_ENDPOINT_URL_ECR_PUBLIC: `http://${api.host}` };
    stage.succeeds(await stage.bundle([], PUBLIC_IMAGE, { env, timeout: 280_000 }));
  },
});
quirk({
  id: 'aws/ecr-public-refuses-the-credentials',
  weight: 'should',
  seenIn: 'roles without sts:GetServiceBearerToken',
  source: 'https://docs.aws.amazon.com/AmazonECR/latest/public/public-registry-auth.html',
  expected: 'a warning with the refusal, then anonymous access',
  run: async (stage) => {
    const api = await stage.fake();
    api.on(({ outgoing }) =>
      send(outgoing, 400, '{"__type":"AccessDeniedException","message":"not authorized: GetServiceBearerToken"}', {
        'content-type': 'application/x-amz-json-1.1',
      }),
    );
    await registries(stage);
    const run = await stage.bundle([], PUBLIC_IMAGE, { env: { ...KEYS, AWS_ENDPOINT_URL_ECR_PUBLIC: api.origin } });
    stage.succeeds(run);
    stage.check(/AccessDenied|GetServiceBearerToken/.test(run.text), 'the refusal is not reported', run);
  },
});
for (const [name, reference, args, env] of [
  ['private', `${PRIVATE}/team/app:1`, [], { AWS_PROFILE: 'no-such-profile' }],
  ['private-by-flag', `${PRIVATE}/team/app:1`, ['--profile', 'no-such-profile'], {}],
  ['public-by-flag', PUBLIC_IMAGE, ['--profile', 'no-such-profile'], {}],
] as const) {
  quirk({
    id: `aws/wrong-profile-${name}`,
    weight: 'should',
    seenIn: 'a misspelt profile',
    source: PROFILES,
    expected: 'the error names the profile; no other account, no anonymous access',
    run: async (stage) => {
      await registries(stage);
      stage.fails(await stage.bundle([], reference, { args, env }), /no-such-profile/, { within: 20 });
    },
  });
}
quirk({
  id: 'aws/wrong-profile-of-the-environment-public',
  weight: 'should',
  seenIn: 'AWS_PROFILE set for other programs',
  source: PROFILES,
  // Public images need no profile, and this one was not requested by a flag.
  expected: 'a warning with the profile, then anonymous access',
  run: async (stage) => {
    await registries(stage);
    const run = await stage.bundle([], PUBLIC_IMAGE, { env: { AWS_PROFILE: 'no-such-profile' } });
    await stage.verifies(run);
    stage.check(/no-such-profile/.test(run.text), 'the profile is not reported', run);
  },
});
