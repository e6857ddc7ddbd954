import { count } from '../../base/count.ts';
import { collapseWhitespace } from '../../base/printable.ts';
import type {
  CarriedSetting,
  LeftSetting,
  SettingName,
  SettingsReport,
} from '../../workflows/repository-settings/index.ts';
import type { Block } from './report.ts';
import { joinLines } from './text.ts';

const NAMES: Readonly<Record<SettingName, string>> = {
  visibility: 'visibility',
  tags: 'tag immutability',
  description: 'description',
  about: 'long description',
  usage: 'usage text',
  architectures: 'architectures',
  operatingSystems: 'operating systems',
};

/** Longest text in a table. */
const TEXT_LIMIT = 50;

/** Formats a table of what would be carried, and lines for what would not. */
export function settingsPlanReport(report: SettingsReport): readonly Block[] {
  const rows = report.carried.map(({ repository, setting, value }) => [repository, NAMES[setting], shown(value)]);
  return [
    ...(rows.length === 0 ? [] : [{ head: ['REPOSITORY', 'SETTING', 'WOULD BE'], rows }]),
    joinLines([...(rows.length === 0 ? ['no settings to change'] : []), ...leftLines(report)]),
  ];
}

/** Formats lines of what was carried, and of what was not. */
export function settingsLines(report: SettingsReport): readonly string[] {
  const { carried } = report;
  if (carried.length === 0) return ['no settings changed', ...leftLines(report)];
  const groups = Map.groupBy(carried, ({ setting }) => setting);
  const parts = [...groups].map(([setting, all]) => `${NAMES[setting]} of ${countRepositories(all.length)}`);
  const isImmutable = groups.has('tags');
  return [
    `settings carried: ${parts.join(', ')}`,
    ...(isImmutable ? ['a later run that finds an immutable tag moved fails; --on-existing-tag skip keeps it'] : []),
    ...leftLines(report),
  ];
}

/** One line for each setting and reason. */
function leftLines({ kind, left }: SettingsReport): readonly string[] {
  return left.map(({ setting, reason, repositories }) => {
    const which = `${NAMES[setting]} of ${countRepositories(repositories.length)}`;
    const example = repositories.length === 1 ? `, ${repositories[0]}` : `, such as ${repositories[0]}`;
    return `not carried: ${which}${example}: ${reasonText(reason, setting, kind)}`;
  });
}

function reasonText(reason: LeftSetting['reason'], setting: SettingName, kind: string): string {
  switch (reason) {
    case 'unsupported':
      return setting === 'visibility' ? `public at the source; in ${kind} it is not` : `${kind} has none`;
    case 'widens':
      return 'public at the source, and stays private unless --allow-public-repositories is given';
    case 'loosens':
      return 'the target protects tags that the source does not protect';
    case 'exceptions':
      return `${kind} has no exceptions from immutability`;
    case 'too-long':
      return `too long for ${kind}`;
    case 'sources-differ':
      return 'repositories with different settings become one';
    case 'exists':
      return 'the target has another value, and --reconcile is not given';
    case 'not-created':
      return 'the repository does not exist, and --create-repositories=never is given';
    case 'template':
      return 'a creation template creates the repository';
  }
}

function shown(value: CarriedSetting['value']): string {
  if (typeof value === 'object' && 'immutable' in value) {
    const { immutable, except } = value;
    return `${immutable ? 'immutable' : 'mutable'}${except.length === 0 ? '' : ` except ${except.join(', ')}`}`;
  }
  const text = collapseWhitespace(typeof value === 'string' ? value : value.join(', '));
  return text.length > TEXT_LIMIT ? `${text.slice(0, TEXT_LIMIT)}…` : text;
}

function countRepositories(n: number): string {
  return count(n, 'repository', 'repositories');
}
