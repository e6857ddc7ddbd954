import { count } from '../../base/count.ts';
import type { ImportResult } from '../../workflows/import/import.ts';
import type { Report } from './report.ts';
import { countContent, joinLines } from './text.ts';

/** Formats what was taken from lists, and what was not. @param path of the file written; absent if the text was printed */
export function importReport({ lists, config, notTaken }: ImportResult, path: string | undefined): Report {
  const { charts, images, manifests, kustomize, from: registries, to, logins } = config;
  const hasContent = charts.length + images.length > 0 || registries.length + to.length === 0;
  const parts = [
    ...(hasContent ? [countContent(charts.length, images.length)] : []),
    ...registries.map(({ value: { registry, repositories = [] } }) =>
      repositories.length === 0 ? `all of ${registry}` : `${repositories.join(', ')} of ${registry}`,
    ),
    ...to.map(({ value }) => `to ${value}`),
    ...(logins.length > 0 ? [count(logins.length, 'login by variables', 'logins by variables')] : []),
    ...(manifests.length > 0 ? [count(manifests.length, 'path of manifests', 'paths of manifests')] : []),
    ...(kustomize.length > 0 ? [count(kustomize.length, 'kustomization')] : []),
  ];
  const from = lists.map(({ file, format }) => `${file} (${format})`).join(', ');
  const left = notTaken.map(({ what, place: { file, line } }) => `  ${file}:${line}: ${what}`);
  return {
    result: path === undefined ? [] : [joinLines([`${path} written: ${parts.join(', ')}`])],
    notes: [
      joinLines([
        path === undefined ? `${parts.join(', ')} from ${from}` : `from ${from}`,
        ...(left.length === 0 ? [] : ['not taken:', ...left]),
      ]),
    ],
  };
}

/** Returns the document of `import -o json`. */
export function importDocument({ lists, config, notTaken }: ImportResult, path: string | undefined): object {
  const { charts, images, manifests, kustomize, from, to, logins, naming, platforms } = config;
  return {
    ...(path !== undefined && { path }),
    lists,
    charts: charts.map(({ value, place }) => ({ ...value, from: place })),
    images: images.map(({ value, place }) => ({ image: value, from: place })),
    manifests: manifests.map(({ value, place }) => ({ path: value, from: place })),
    kustomize: kustomize.map(({ value, place }) => ({ path: value, from: place })),
    registries: from.map(({ value, place }) => ({ ...value, from: place })),
    to: to.map(({ value, place }) => ({ target: value, from: place })),
    logins: logins.map(({ value, place }) => ({ ...value, from: place })),
    ...(naming !== undefined && { naming }),
    platforms,
    notTaken: notTaken.map(({ what, place }) => ({ what, from: place })),
  };
}
