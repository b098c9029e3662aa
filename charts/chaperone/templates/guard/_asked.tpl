{{/*
Whether Chaperone is asked about what comes to a door, as CEL over the webhook configuration. Argument:
(list root door operation resource), and the name of its one condition where it has one.
*/}}
{{- define "chaperone.asked" -}}
{{- $root := index . 0 -}}
{{- $conditions := "(!has(w.matchConditions) || size(w.matchConditions) == 0)" -}}
{{- if gt (len .) 4 -}}
{{- $conditions = printf "has(w.matchConditions) && size(w.matchConditions) == 1 && w.matchConditions[0].expression == \"%s\"" (include (index . 4) $root | fromYaml).expression -}}
{{- end -}}
params.webhooks.exists(w, w.name == '{{ index . 1 }}.chaperone.dev' && (!has(w.failurePolicy) || w.failurePolicy == '{{ include "chaperone.failurePolicy" $root }}') && has(w.clientConfig.service) && w.clientConfig.service.name == 'chaperone-admission' && w.clientConfig.service.namespace == '{{ $root.Release.Namespace }}' && has(w.clientConfig.service.path) && w.clientConfig.service.path == '/v1/{{ index . 1 }}' && {{ $conditions }} && (!has(w.objectSelector) || (!has(w.objectSelector.matchLabels) && !has(w.objectSelector.matchExpressions))) && w.namespaceSelector.matchLabels == {'chaperone.dev/guard': 'enabled'} && (!has(w.namespaceSelector.matchExpressions) || w.namespaceSelector.matchExpressions.all(e, e.key == 'kubernetes.io/metadata.name' && e.operator == 'NotIn' && e.values.all(v, v in {{ include "chaperone.exempt" $root | fromYamlArray | toJson | replace "\"" "'" }}))) && w.rules.exists(r, '{{ index . 2 }}' in r.operations && '' in r.apiGroups && 'v1' in r.apiVersions && '{{ index . 3 }}' in r.resources && (!has(r.scope) || r.scope in ['*', 'Namespaced'])))
{{- end }}
