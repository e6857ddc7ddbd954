export { type CarryOptions, type Destinations, SettingsCarrier } from './carry.ts';
export type { SettingName } from './common-settings.ts';
export { readSourceSettings, type SourceSettings } from './read-sources.ts';
export type { CarriedSetting, LeftSetting, SettingsReport } from './report.ts';
