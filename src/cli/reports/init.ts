import { count } from '../../base/count.ts';
import type { InitChart } from '../../workflows/init/init.ts';
import type { Report } from './report.ts';
import { joinLines } from './text.ts';

/** What `init` wrote, paths as people see them. */
export interface InitFiles {
  readonly path: string;
  readonly schema?: string;
  readonly valuesFiles: readonly string[];
}

/** Formats what `init` wrote, and what people have to fill in. */
export function initReport(charts: readonly InitChart[], { path, schema, valuesFiles }: InitFiles): Report {
  const lacking = charts.filter(({ lacksRepo }) => lacksRepo);
  const withValues = charts.filter(({ values }) => values !== undefined);
  return {
    result: [joinLines([`${path} written: ${count(charts.length, 'chart')}`])],
    notes: [
      joinLines([
        ...(schema === undefined ? [] : [`${schema} explains the keys in editors: keep it beside the file`]),
        ...(lacking.length === 0 ? [] : [`fill in the repository of: ${names(lacking)}`]),
        ...(valuesFiles.length > 0
          ? [`${count(valuesFiles.length, 'values file')} written, readable by you only: they may hold secrets`]
          : withValues.length > 0
            ? [`values of their own, not written (--values-dir): ${names(withValues)}`]
            : []),
      ]),
    ],
  };
}

/** Returns the document of `init -o json`: no values. */
export function initDocument(charts: readonly InitChart[], files: InitFiles): object {
  return {
    ...files,
    charts: charts.map(({ values, ...chart }) => ({ ...chart, hasValues: values !== undefined })),
  };
}

function names(charts: readonly InitChart[]): string {
  return [...new Set(charts.map(({ chart, releaseName }) => releaseName ?? chart))].join(', ');
}
