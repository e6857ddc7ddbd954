import { expect, it } from 'vitest';
import { roleOf } from '../../../../src/lists/migration/roles.ts';

it.each([
  [
    'source host',
    'SOURCE_MSR_URL SRC_DTR_URL SOURCE_DTR_DOMAIN BASE_URL_SOURCE SOURCE_REGISTRY SOURCE sourceRegistryHost FROM_HARBOR',
  ],
  ['destination host', 'DEST_MSR_URL DESTINATION_REGISTRY TARGET_HOST DST_ENDPOINT TO_REGISTRY'],
  ['source user', 'SOURCE_MSR_USERNAME SOURCE_DTR_ADMIN SRC_DTR_USER SOURCE_USER'],
  ['destination password', 'DEST_DTR_PASSWORD TARGET_PAT DEST_ADMIN_PASSWORD DEST_REGISTRY_PASSWD'],
  ['source token', 'SOURCE_MSR_TOKEN SOURCE_ACCESS_TOKEN'],
  ['source organizations', 'SOURCE_ORGS SOURCE_NAMESPACE SRC_PROJECTS'],
  [' organizations', 'ORGANIZATIONS NAMESPACES ORGS'],
  [' concurrency', 'PARALLEL_PROCESS_COUNT JOBS CONCURRENCY'],
  ['source verification', 'SOURCE_TLS_VERIFY SKIP_TLS_SOURCE'],
  [' certificate', 'CA_CERT SOURCE_TO_DEST_CA'],
  [' other', 'KUBECONFIG MKE_NODE_SSH_KEY LOG_DIR MAIL_TO_FROM'],
  ['source other', 'SOURCE_CLUSTER_NAME SOURCE_TOKEN_FILE SOURCE_API_VERSION'],
])('%s: %s', (role, names) => {
  for (const name of names.split(' ')) {
    const { side = '', kind } = roleOf(name);
    expect(`${name}: ${side} ${kind}`).toBe(`${name}: ${role}`);
  }
});
