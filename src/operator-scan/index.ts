/**
 * The operator image scan: image names that operators' programs contain. The code is large and only useful for charts
 * with an operator, so other folders import types from here, and functions by `import()` when there is an operator.
 */
export { OperatorScan } from './operator-scan.ts';
export { type ChartOperators, type OperatorScanResult, selectedOperators } from './operators.ts';
export { type ProposedRule, proposeRules } from './propose-rules.ts';
export { type OperatorScanReport, scannedReferences, scanReportFor, separateScanFindings } from './results.ts';
export { prefetchAndScan, scanOperators } from './scan-operators.ts';
