export { isMapping } from '../entry.ts';
export type { Declaration, NestedChart } from './chart.ts';
export { nestedCharts } from './nested.ts';
export { at, overlay, parseValues } from './values.ts';
