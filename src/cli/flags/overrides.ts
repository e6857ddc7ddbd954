import { resolve } from 'node:path';
import { Option } from '@commander-js/extra-typings';
import { AirgapError } from '../../base/errors.ts';
import { isName } from '../../base/names.ts';
import { checkFolder, checkWritable } from '../../base/output-file.ts';
import { quoted } from '../../base/printable.ts';
import { type FlagsOf, flagGroup } from './option.ts';

/**
 * Formats of overrides, in the order of the help, and what they are made of: values of charts, values of an umbrella chart,
 * a manifest with such values, references alone, references for the nodes of a cluster, or the signatures of a bundle's images.
 */
const FORMATS = {
  values: 'values',
  chart: 'values',
  aggregate: 'umbrella',
  kustomize: 'references',
  argocd: 'delivery',
  flux: 'delivery',
  map: 'references',
  containerd: 'nodes',
  k3s: 'nodes',
  crio: 'nodes',
  talos: 'nodes',
  mirrorset: 'nodes',
  kyverno: 'policy',
  'policy-controller': 'policy',
} as const;

type Format = keyof typeof FORMATS;
type FormatKind = (typeof FORMATS)[Format];
type FormatOf<Kind extends FormatKind> = {
  [Name in Format]: (typeof FORMATS)[Name] extends Kind ? Name : never;
}[Format];

const FORMAT_NAMES = Object.keys(FORMATS) as Format[];

/** Reports whether a format is made of these. */
export function isFormatOf<Kind extends FormatKind>(
  format: Format,
  ...kinds: readonly Kind[]
): format is FormatOf<Kind> {
  return (kinds as readonly FormatKind[]).includes(FORMATS[format]);
}

/** Returns the names of the formats that are made of these. */
export function formatsOf<Kind extends FormatKind>(...kinds: readonly Kind[]): FormatOf<Kind>[] {
  return FORMAT_NAMES.filter((format) => isFormatOf(format, ...kinds)) as FormatOf<Kind>[];
}

/** Adds flags for the files and the format of overrides. */
export const addFormatFlags = flagGroup((command) =>
  command
    .optionsGroup('Output:')
    .option('--out <file>', 'write the overrides of one chart to a file')
    .option('--out-dir <folder>', 'write one file per chart, or the files of a format')
    .addOption(
      new Option('--format <format>', 'format of the overrides, see docs/formats.md')
        .choices(FORMAT_NAMES)
        .default('values'),
    )
    .option(
      '--update <file...>',
      'with kustomize: set images in these kustomizations; folders, and patterns with *, too',
    )
    .option('--from <file>', 'with argocd and flux: manifest that installs the chart today')
    .option('--no-ecr-auth', 'with aggregate: do not set ecrAuth.registry for a private ECR'),
);

export type FormatFlags = FlagsOf<typeof addFormatFlags>;

/** Checks the combination of format and flags. @throws AirgapError `usage` */
export function checkFormat({ format, from, ecrAuth, out }: FormatFlags, isAll: boolean): void {
  const isDelivery = isFormatOf(format, 'delivery');
  if (from !== undefined && (!isDelivery || isAll)) {
    throw new AirgapError('usage', '--from is the manifest of one chart', {
      hint: 'use it with --format argocd or --format flux, and one chart',
    });
  }
  if (!ecrAuth && format !== 'aggregate') {
    throw new AirgapError('usage', '--no-ecr-auth is for --format aggregate', { hint: 'leave it out' });
  }
  if (out !== undefined && format === 'containerd') {
    throw new AirgapError('usage', '--format containerd writes one file per registry', {
      hint: 'use --out-dir instead of --out',
    });
  }
  if (isAll && format === 'aggregate') {
    throw new AirgapError('usage', '--format aggregate is for one umbrella chart', {
      hint: 'name that chart instead of --all',
    });
  }
}

/** Adds flags for references that no value redirects. */
export const addUnmappedFlags = flagGroup((command) =>
  command
    .optionsGroup('Unmapped references (no value redirects them):')
    .addOption(
      new Option(
        '--unmapped, --residue <how>',
        'inject, the default: set variables and arguments of operators; post-render: also write a map for helm airgap post-render; repack: also write a changed chart',
      ).choices(['inject', 'post-render', 'repack']),
    )
    .option('--no-inject', 'do not add variables or arguments for images that operators deploy')
    .addOption(
      fileOption('--unmapped-map', 'residueMap', 'path of the map (default: <name>.post-render.json next to --out)'),
    )
    .addOption(fileOption('--residue-map', 'residueMap', 'older name of --unmapped-map').hideHelp())
    .addOption(
      fileOption('--unmapped-chart', 'residueChart', 'path of the changed chart (default: <name>.tgz next to --out)'),
    )
    .addOption(fileOption('--residue-chart', 'residueChart', 'older name of --unmapped-chart').hideHelp()),
);

export type UnmappedFlags = FlagsOf<typeof addUnmappedFlags>;

/**
 * Returns an option that stores its value under a given key, so that two names set the same value. Both names in one
 * option would make the help wider than 80 columns.
 */
function fileOption<const Key extends 'residueMap' | 'residueChart'>(flag: string, key: Key, description: string) {
  const option = Object.assign(new Option(`${flag} <file>`, description), { attributeName: () => key });
  return option as unknown as Option<Key extends 'residueMap' ? '--residue-map <file>' : '--residue-chart <file>'>;
}

/** File that each mode writes, with the flag that names it. */
export const UNMAPPED_FILES = {
  'post-render': { flag: '--unmapped-map', key: 'residueMap', what: 'a map', extension: '.post-render.json' },
  repack: { flag: '--unmapped-chart', key: 'residueChart', what: 'a chart', extension: '.tgz' },
} as const;

/**
 * Checks the combination of flags and that the files can be written.
 * @throws AirgapError `usage`, `file`, `no-space`, `output-exists`
 */
export async function checkUnmappedFlags(flags: UnmappedFlags & FormatFlags, cwd: string): Promise<void> {
  const { out, outDir, residue: unmapped, format } = flags;
  const refuse = (message: string, hint: string): never => {
    throw new AirgapError('usage', message, { hint });
  };
  if (out !== undefined && outDir !== undefined) refuse('--out cannot be used with --out-dir', 'leave one of them out');
  if (unmapped === 'inject' && !flags.inject)
    refuse('--unmapped=inject cannot be used with --no-inject', 'leave one of them out');
  for (const [how, { flag, key, what }] of Object.entries(UNMAPPED_FILES)) {
    const file = flags[key];
    if (unmapped !== how) {
      if (file !== undefined) refuse(`${flag} needs --unmapped=${how}`, `add --unmapped=${how}, or leave ${flag} out`);
    } else if (outDir !== undefined) {
      if (file !== undefined)
        refuse(`${flag} is one file`, `leave it out: with --out-dir each chart gets ${what} in that folder`);
    } else if (out === undefined && file === undefined) {
      refuse(`--unmapped=${how} writes ${what} and needs a path for it`, `set it with ${flag}, or use --out`);
    }
    if (file !== undefined) await checkWritable(resolve(cwd, file), flag);
  }
  if (format !== 'values' && format !== 'chart' && unmapped !== undefined) {
    refuse(`--unmapped cannot be used with --format ${format}`, 'leave one of them out');
  }
  if (out !== undefined) await checkWritable(resolve(cwd, out), '--out');
  if (outDir !== undefined) await checkFolder(resolve(cwd, outDir), '--out-dir');
}

/** Adds flags for pull secrets and digests in overrides. */
export const addPullSettingFlags = flagGroup((command) =>
  command
    .optionsGroup('Pull secrets and digests:')
    .option('--pull-secret <name>', 'set this image pull secret wherever the chart has a value for it')
    .option('--allow-without-pull-secret', 'accept Pods that no value gives the pull secret')
    .option('--pin', 'pin images to the digests in the bundle where the chart allows it (needs --bundle)'),
);

/** Checks the flags and their combination. @throws AirgapError `usage` */
export function checkPullSettings(
  flags: FlagsOf<typeof addPullSettingFlags> & { readonly bundle?: string; readonly format: Format },
): void {
  const { pullSecret, pin, bundle, format } = flags;
  if (pullSecret !== undefined && !isName('object name', pullSecret)) {
    throw new AirgapError('usage', `--pull-secret ${quoted(pullSecret)} is not a valid name of a Secret`, {
      hint: 'give the name of a Secret of type kubernetes.io/dockerconfigjson in the namespace of the release',
    });
  }
  if (pin && bundle === undefined) {
    throw new AirgapError('usage', '--pin needs --bundle', { hint: 'the digests come from the bundle' });
  }
  const given = pin ? '--pin' : pullSecret === undefined ? undefined : '--pull-secret';
  if (given !== undefined && !isFormatOf(format, 'values', 'delivery')) {
    throw new AirgapError('usage', `${given} cannot be used with --format ${format}`, {
      hint: 'leave one of them out',
    });
  }
}
