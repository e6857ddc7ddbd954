import type { CommonSettings, RegistryKind, SettingName } from './common-settings.ts';
import { LEFT_REASONS, type LeftReason, type RepositoryPlan } from './plan.ts';

/** A setting that a repository of a target was given, or would be. */
export interface CarriedSetting {
  /** Path in the target. */
  readonly repository: string;
  readonly setting: SettingName;
  readonly value: NonNullable<CommonSettings[SettingName]>;
}

/** A setting that was not carried, of all repositories with the same reason. */
export interface LeftSetting {
  readonly setting: SettingName;
  readonly reason: LeftReason;
  /** Paths in the target. */
  readonly repositories: readonly string[];
}

/** What becomes of the settings of repositories at a target. */
export interface SettingsReport {
  /** Kind of registry, for messages: `private ECR`. */
  readonly kind: string;
  readonly carried: readonly CarriedSetting[];
  readonly left: readonly LeftSetting[];
}

/**
 * Collects what plans do.
 * @param made missing repositories that were created with their settings; absent for a plan
 */
export function reportOf(
  kind: RegistryKind,
  plans: ReadonlyMap<string, RepositoryPlan>,
  made?: ReadonlySet<string>,
): SettingsReport {
  const carried: CarriedSetting[] = [];
  const left = new Map<string, { setting: SettingName; reason: LeftReason; repositories: string[] }>();
  const leave = (repository: string, setting: SettingName, reason: LeftReason): void => {
    const key = `${setting} ${reason}`;
    const entry = left.get(key) ?? { setting, reason, repositories: [] };
    entry.repositories.push(repository);
    left.set(key, entry);
  };
  for (const [repository, plan] of plans) {
    const isMade = plan.exists || made === undefined || made.has(repository);
    for (const [name, value] of Object.entries({ ...plan.created, ...plan.before, ...plan.after })) {
      if (isMade) carried.push({ repository, setting: name as SettingName, value });
      else leave(repository, name as SettingName, 'template');
    }
    for (const { setting, reason } of plan.left) leave(repository, setting, reason);
  }
  const order = (reason: LeftReason): number => LEFT_REASONS.indexOf(reason);
  return {
    kind: kind.name,
    carried,
    left: [...left.values()].sort((a, b) => order(a.reason) - order(b.reason)),
  };
}
