import { Document } from 'yaml';
import { credentialsKey } from '../auth/keychain.ts';
import { documentText, YAML_1_1 } from '../base/yaml-text.ts';

/** A pull secret with one login. */
export interface NewPullSecret {
  readonly name: string;
  /** Undefined: that of `kubectl apply`. */
  readonly namespace?: string;
  /** Host with an optional port; `docker.io` for Docker Hub. */
  readonly registry: string;
  readonly username: string;
  readonly password: string;
}

/**
 * Returns the manifest of a Secret of type `kubernetes.io/dockerconfigjson`, as `kubectl create secret docker-registry` makes
 * it, in YAML.
 * @param comment lines before it
 */
export function pullSecretManifest(
  { name, namespace, registry, username, password }: NewPullSecret,
  comment: readonly string[] = [],
): string {
  const auth = Buffer.from(`${username}:${password}`).toString('base64');
  const config = { auths: { [credentialsKey(registry)]: { username, password, auth } } };
  const document = new Document(
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name, ...(namespace !== undefined && { namespace }) },
      type: 'kubernetes.io/dockerconfigjson',
      data: { '.dockerconfigjson': Buffer.from(JSON.stringify(config)).toString('base64') },
    },
    YAML_1_1,
  );
  if (comment.length > 0) document.commentBefore = comment.map((line) => ` ${line}`).join('\n');
  return documentText(document);
}
