/** A Pod of chart web: the location of the references in these tests, without field and evidence. */
export const WEB_POD = {
  chart: 'web',
  profile: 'default',
  template: 'web/templates/a.yaml',
  document: 0,
  kind: 'Pod',
  name: 'a',
} as const;
