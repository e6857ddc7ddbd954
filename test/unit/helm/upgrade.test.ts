import { describe, expect, it } from 'vitest';
import { mayRenderMoreOnUpgrade } from '../../../src/helm/upgrade.ts';

describe('an upgrade may render more', () => {
  it.each([
    '{{ if .Release.IsUpgrade }}\nkind: Job\n{{ end }}',
    '{{- if and .Values.a .Release.IsUpgrade -}}{{ include "job" . }}{{- end -}}',
    '{{ if .Release.IsInstall }}a{{ else }}image: b{{ end }}',
    '{{ if not .Release.IsInstall }}image: b{{ end }}',
    'image: app:{{ ternary "quay.io/a/b" "quay.io/a/c" .Release.IsUpgrade }}',
    'image: app:{{ ternary "blue" "green" .Release.IsUpgrade }}',
    '{{ $upgrade := .Release.IsUpgrade }}{{ if $upgrade }}kind: Job{{ end }}',
    '{{ if .Values.x }}{{ else if .Release.IsUpgrade }}kind: Pod{{ end }}',
    'image: {{ .Release.IsUpgrade | ternary .Values.new .Values.old }}',
  ])('%s', (template) => expect(mayRenderMoreOnUpgrade(template)).toBe(true));
});

describe('an upgrade renders nothing more', () => {
  it.each([
    'kind: Pod',
    '{{- if .Release.IsInstall }}\nkind: Job\n{{- end }}',
    '{{- if or .Release.IsInstall .Values.initialize }}{{ if .Values.x }}image: a{{ else }}image: b{{ end }}{{ end }}',
    '{{- if and $errors .context.Release.IsUpgrade -}}{{- printf "PASSWORDS ERROR %s" $errors | fail -}}{{- end -}}',
    'failurePolicy: {{ .Release.IsInstall | ternary "Ignore" "Fail" }}',
    'value: {{ default (ternary "new" "existing" .Release.IsInstall) .Values.state | quote }}',
    '{{/* .Release.IsUpgrade is not looked at */}}',
  ])('%s', (template) => expect(mayRenderMoreOnUpgrade(template)).toBe(false));
});
