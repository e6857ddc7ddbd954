export { isMapping } from '../entry.ts';
export type { Declaration, NestedChart } from './chart.ts';
export { fieldsOf } from './declared.ts';
export type { Install } from './installs.ts';
export { nestedCharts, scriptedInstalls } from './nested.ts';
export { at, overlay, parseValues } from './values.ts';
