/** Settings of repositories, one of each kind. A tag contains quotes and what looks like a Terraform interpolation. */
export const REPOSITORY_SETTINGS = {
  immutable: true,
  except: ['dev-*'],
  kmsKey: 'alias/own',
  scanOnPush: true,
  tags: { team: `a "b" $\{c}` },
  lifecyclePolicy: '{"rules":[]}',
  repositoryPolicy: '{"Version":"2012-10-17"}',
};
