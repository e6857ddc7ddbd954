export type { Declaration, NestedChart } from './chart.ts';
export { declarationKeys } from './declared-charts.ts';
export type { HelmInstall } from './helm-installs.ts';
export { nestedCharts, scriptedInstalls } from './nested.ts';
export { parseValues } from './resource.ts';
