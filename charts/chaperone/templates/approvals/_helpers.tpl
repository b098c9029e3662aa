{{/* Schema of a person. */}}
{{- define "chaperone.person" -}}
type: object
required: [username]
properties:
  username: {type: string, maxLength: 1024}
  uid: {type: string, maxLength: 1024}
  groups: {type: array, maxItems: 64, items: {type: string, maxLength: 1024}}
{{- end }}

{{/* Users whose writes of approval requests are not judged, as a CEL list. */}}
{{- define "chaperone.approval-writers" -}}
{{- $ours := printf "system:serviceaccount:%s" .Release.Namespace -}}
['{{ $ours }}:chaperone-admission', '{{ $ours }}:chaperone-collector', 'system:serviceaccount:kube-system:namespace-controller', 'system:serviceaccount:kube-system:generic-garbage-collector', 'system:kube-controller-manager']
{{- end }}

{{/* Doors that policies know, as a YAML list. */}}
{{- define "chaperone.doors" -}}
[exec, attach, ephemeral-container, port-forward, proxy, pod, workload, secret, configmap, rbac, webhook-configuration, namespace, node, service-account-token, persistent-volume, chaperone]
{{- end }}
