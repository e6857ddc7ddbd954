/**
 * Patterns that are known not to be linear, by file, until the branch that owns the file is merged. Temporary: each goes with
 * the change that mends it, and then this file.
 */
export const LEFT: Readonly<Record<string, readonly string[]>> = {
  'auth/auth-file.ts': ['/\\/+$/', '/\\0+$/'],
  'discovery/candidate.ts': [
    '/(?:^localhost|\\.svc|\\.svc\\.[a-z.]+|\\.local|\\.localdomain)(?::\\d+)?$|\\.(?:go|sh|py|ya?ml|json|conf)$/',
  ],
  'discovery/copies.ts': ['/(^|.* > )(?:json|yaml):([^>]+)$/'],
  'discovery/explain/bare.ts': ['/^[^/]*[.:][^/]*\\//'],
  'discovery/explain/reasons.ts': ['/^[^/]*[.:][^/]*\\//'],
  'discovery/image-config.ts': ['/@|:[^/]*$/', '/^[^/]*[.:][^/]*\\//'],
  'discovery/influenced.ts': ['/["\']?([\\w.-]+)["\']?\\s*[:=]\\s*["\']?$/'],
  'discovery/naming.ts': ['/([A-Z]+)([A-Z][a-z])/g'],
  'discovery/nested/chart.ts': [
    '/\\/+$/',
    '/^(oci:\\/\\/[^@]*?)(?::([\\w.+-]+))?(?:@.*)?\\/*$/',
    '/^(.+?)-(v?\\d+\\..*)$/',
  ],
  'discovery/nested/declared.ts': ['/\\/+$/'],
  'discovery/nested/nested.ts': [
    '/(?:\\b|\\\\n)helm[34]?\\b["\',\\]\\s-]+(?:\\S+\\s+){0,8}?["\']?(?:install|upgrade|template|pull|fetch)\\b/',
  ],
  'discovery/network/container.ts': ['/([^/:@]*)(?::[^/]*)?(?:@.*)?$/', '/@.*$/'],
  'discovery/network/installers.ts': [
    '/^(@?[^=@~<>]+)(?:[=@~<>]+([^<>]+))?$/',
    '/^([A-Za-z0-9][\\w.-]*)(?:\\[[\\w,.-]*\\])?(?:\\s*(?:==|~=|>=|<=|!=|>|<)\\s*([^\\s,;]+).*)?$/',
  ],
  'discovery/network/shell.ts': ['/\\\\?\\s*\\n\\s*|\\s+/g'],
  'discovery/network/url.ts': [
    '/\\$\\([^)]*\\)/g',
    '/["\',;)]+$/',
    '/^https?:\\/\\/[^\\s"\']+(?:\\.(?:tgz|tbz2?|txz|tar(?:\\.(?:gz|bz2|xz|zst))?|zip|jar|war|whl|rpm|deb|apk|qcow2|iso|img|gguf|safetensors|wasm)|\\/index\\.yaml)(?:\\?[^\\s"\']*)?$/',
  ],
  'discovery/network/variables.ts': ['/\\$\\([^)]*\\s|`/'],
  'discovery/payload.ts': [
    '/^(?:export\\s+|-\\s+)?["\']?(-{0,2}[A-Za-z_0-9][\\w./-]*)["\']?(\\s*(?::=|=>|=|:(?=\\s|"|\'))\\s*)(.*)$/',
    '/(?<=^\\s*[\\w"]+:\\s*)\\*("[^"]*")\\s*\\|.*/',
    '/(?:^|\\s)(?:#|\\/\\/).*$/',
    '/^["\']|["\']?[,;\\\\]*$/g',
  ],
  'discovery/relevance.ts': [
    '/image|repositor|registry|_REPO|[\\w-]\\/[\\w.-]+(?:\\/[\\w.-]+)*[:@]\\w|@sha256:|\\\\\\n/i',
  ],
  'discovery/rules/apply.ts': ['/\\/templates\\/.*$/'],
  'discovery/split.ts': ['/^\\/+|\\/+$/g'],
  'helm/chart-folder.ts': ['/^(.+?)-(v?\\d+\\..*?)\\.(?:tgz|tar\\.gz)$/'],
  'helm/chart-mirrors.ts': ['/\\/+$/', '/^(.+?)-(v?\\d+\\..*)$/', '/@.*$/'],
  'helm/fetch.ts': ['/\\/+$/', '/\\?.*$/'],
  'helm/helm.ts': ['/v?(\\d+\\.\\d+\\.\\d+[\\w.-]*)/'],
  'helm/lenient-yaml.ts': ['/(?:^|[\\s:-])[|>][+-]?\\d?[+-]?\\s*(?:\\s#.*)?$/'],
  'helm/upgrade.ts': ['/\\{\\{-?([\\s\\S]*?)-?\\}\\}/g'],
  'http/certificates.ts': [
    '/-----BEGIN (?:TRUSTED )?CERTIFICATE-----[\\s\\S]+?-----END (?:TRUSTED )?CERTIFICATE-----/g',
  ],
  'influence/refused.ts': [
    '/([\\w.-]+(?:\\/charts\\/[\\w.-]+)*)\\/templates\\//',
    "/^\\s*-\\s+(?:at '([^']*)'|([^:\\s]+)):\\s*(.*)$/",
  ],
  'influence/slots.ts': ['/@.*$/'],
  'inside/build-info.ts': ['/^dep\\t(\\S+)\\t(\\S+).*$(?:\\n=>\\t\\S+\\t(\\S+))?/gm'],
  'inside/names.ts': ['/^v?\\d+(?:\\.\\d+){1,3}(?:[-+_.]?[A-Za-z0-9])*$/', '/:[^/]*$/'],
  'inside/newest.ts': ['/^(.*?)v?(\\d+(?:\\.\\d+)+)(?=$|[^\\d.]|\\.\\D)(.*)$/'],
  'inside/program.ts': ['/\\/[^:]+:(?:latest|stable|edge|nightly|main|master)$/'],
  'inside/split-names.ts': [
    '/^([ \\t]*(?:- )?)"?(tag|newTag|image_?[Tt]ag|image_?[Vv]ersion|version)"?:[ \\t]*["\']?([\\w][\\w.-]{0,127})["\']?[ \\t]*,?[ \\t]*(?:#.*)?\\r?$/',
    '/^([ \\t]*)(- )?"?(\\w+)"?:[ \\t]*["\']?([\\w./:-]{2,300}?)\\/?["\']?[ \\t]*,?[ \\t]*(?:#.*)?\\r?$/',
  ],
  'registry/mirrors.ts': ['/\\/+$/'],
  'registry/referrers.ts': ['/<([^>]*)>\\s*;\\s*rel="?next"?/i'],
};
