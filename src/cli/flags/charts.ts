import { canonicalHubName } from '../../base/docker-hub.ts';
import type { Emit } from '../../base/events.ts';
import { textBefore, trimTrailing } from '../../base/text-trim.ts';
import type { Rule } from '../../discovery/rules/index.ts';
import { type FlagsOf, flagGroup, parseDuration, parseMemory, repeatable } from './option.ts';

/** Adds flags that name a configuration file and set its variables. @param use what the command reads from the file */
export const addConfigFlags = flagGroup((command, use: string) =>
  command
    .option('--config <file>', use)
    .addOption(repeatable('--var <name=value>', 'set a variable of the configuration file')),
);

export type ConfigFlags = FlagsOf<typeof addConfigFlags>;

/** Adds flags that name manifests, which are no charts. */
export const addManifestFlags = flagGroup((command) =>
  command
    .addOption(repeatable('--kustomize <dir>', 'add a kustomization, built by kustomize or kubectl'))
    .addOption(repeatable('--manifests <path>', 'add manifests: a file, a folder, or "-" for standard input')),
);

/** Adds flags that select charts and images, and render the charts. */
export const addChartsFlags = flagGroup((command) => {
  const selecting = addManifestFlags(
    addConfigFlags(
      command.optionsGroup('Selection:'),
      'read charts, profiles, images and registries from this airgap.yaml',
    ),
  )
    .addOption(repeatable('--image <reference>', 'add an image by name'))
    .option('--images <file>', 'add the images listed in a file, one per line; # starts a comment')
    .option('--pods <file>', 'add what Pods run: output of kubectl get pods -A -o json; "-" for standard input')
    .addOption(
      repeatable('--exclude <pattern[=reason]>', 'leave out matching images and nested charts; * matches anything'),
    )
    .addOption(
      repeatable('--include <pattern[=reason]>', 'keep matching images that are excluded or of confidence "possible"'),
    )
    .option('--no-tests', 'leave out the images of helm test')
    .option('--no-hooks', 'leave out the images of hooks, including helm test')
    .option('--no-operator-defaults', 'leave out default images that operators use for resources created later')
    .option('--no-nested-charts', 'leave out charts that the named charts install')
    .addOption(rulesOption())
    .addOption(chartMirrorOption());
  return addRenderFlags(selecting);
});

export type ChartsFlags = FlagsOf<typeof addChartsFlags>;

/** Adds the flag of commands that ask registries for the images of charts. */
export const addAllowMissingFlag = flagGroup((command) =>
  command
    .optionsGroup('Selection:')
    .addOption(
      repeatable('--allow-missing <pattern[=reason]>', 'accept that matching images do not exist; * matches anything'),
    ),
);

export type AllowMissingFlag = FlagsOf<typeof addAllowMissingFlag>;

/** Returns the option that names additional operator rules. */
export function rulesOption() {
  return repeatable('--rules <file>', 'additional operator rules, see docs/rules.md');
}

/** Reads rule files. The rule schema is loaded only if there are any. @throws AirgapError `config` */
export async function readRules(paths: readonly string[]): Promise<Rule[]> {
  if (paths.length === 0) return [];
  const { readRuleFiles } = await import('../config/rules.ts');
  return readRuleFiles(paths);
}

/** Returns the option that replaces chart repositories. */
export function chartMirrorOption() {
  return repeatable('--chart-mirror <from=to>', 'read a chart repository, or *, from another URL or folder');
}

/** Adds flags that select and render a chart, with the names that Helm uses, and change the limits for untrusted charts. */
export const addRenderFlags = flagGroup((command) =>
  command
    .optionsGroup('Chart:')
    .option('--repo <url>', 'URL of the chart repository')
    .option('--version <constraint>', 'chart version')
    .option('--devel', 'include development versions')
    .option('--dependency-update', 'fetch missing dependencies of a chart folder')
    .option('--username <name>', 'user for the chart repository')
    .option('--password <password>', 'password for the chart repository')
    .option('--pass-credentials', 'send the credentials to other hosts that the repository refers to')
    .option('--cert-file <file>', 'client certificate for the chart repository, PEM')
    .option('--key-file <file>', 'private key of that certificate, PEM')
    .optionsGroup('Rendering (same as helm template):')
    .addOption(repeatable('-f, --values <file>', 'values file or URL'))
    .addOption(repeatable('--set <name=value>', 'set a value'))
    .addOption(repeatable('--set-string <name=value>', 'set a string'))
    .addOption(repeatable('--set-json <name=json>', 'set a JSON value'))
    .addOption(repeatable('--set-file <name=file>', 'set a value from a file'))
    .addOption(repeatable('--set-literal <name=text>', 'set a literal string'))
    .option('--kube-version <version>', 'Kubernetes version for Capabilities')
    .addOption(repeatable('-a, --api-versions <versions>', 'API versions for Capabilities', ', comma-separated'))
    .option('--skip-schema-validation', "do not validate values against the chart's schema")
    .option('--release-name <name>', 'release name used for rendering (default: release-name)')
    .optionsGroup('Limits for untrusted charts:')
    .addOption(
      repeatable('--allow-chart-links <root>', 'allow symbolic links in chart folders to point below this folder'),
    )
    .addOption(
      repeatable(
        '--allow-chart-host <host[:port]>',
        'allow charts to refer to a host that is private, has no TLS or depends on your values',
      ),
    )
    .option('--render-timeout <duration>', 'time limit of one render, such as 90s or 5m (default: 2m)', parseDuration)
    .option('--render-memory <size>', 'memory limit of one render, such as 4GiB (default: 2GiB)', parseMemory),
);

export type RenderFlags = FlagsOf<typeof addRenderFlags>;

/**
 * Warns about mirrors on the command line that were not used: most likely they are mistyped. Mirrors of a configuration file
 * may be for other runs.
 * @param images normalized references
 * @param charts sources of charts: `https://repository/name`, `oci://host/name`
 */
export function warnUnusedMirrors(
  emit: Emit,
  flags: {
    readonly mirror?: readonly string[];
    readonly preferPublicEcr?: true;
    readonly chartMirror: readonly string[];
  },
  images: readonly string[],
  charts: readonly string[],
): void {
  const pulled = [...images, ...charts.map((source) => source.replace(/^oci:\/\//, ''))];
  const warn = (flag: string, mirror: string, names: readonly string[], subject: string): void => {
    const from = trimTrailing(textBefore(mirror, '='), '/');
    const canonical = canonicalHubName(from);
    const isUsed = names.some(
      (name) => name.startsWith(canonical) && /^(?:[/:@]|$)/.test(name.slice(canonical.length)),
    );
    // A mirror of Public ECR may be for the equivalents of images.
    const isForEquivalents = flags.preferPublicEcr && textBefore(from, '/') === 'public.ecr.aws';
    if (from === '*' || isUsed || isForEquivalents) return;
    emit({ type: 'warning', message: `${flag} ${mirror} was not used: ${subject} comes from ${from}` });
  };
  for (const mirror of flags.mirror ?? []) warn('--mirror', mirror, pulled, 'no image');
  for (const mirror of flags.chartMirror) warn('--chart-mirror', mirror, charts, 'no chart');
}
