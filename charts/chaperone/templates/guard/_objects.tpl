{{/* Where reviews go. Argument: (list root path). */}}
{{- define "chaperone.client" -}}
clientConfig:
  service:
    name: chaperone-admission
    namespace: {{ (index . 0).Release.Namespace }}
    path: {{ index . 1 }}
    port: 443
{{- end }}

{{/*
People, and programs that are no part of the cluster: its controllers, nodes, garbage collection and ends of
namespaces are never held up, and Chaperone's own writes need no second look.
*/}}
{{- define "chaperone.byPeople" -}}
{{- $ours := printf "system:serviceaccount:%s" .Release.Namespace -}}
name: by-people
expression: >-
  !(request.userInfo.username in ['system:apiserver', 'system:kube-controller-manager', 'system:kube-scheduler',
  '{{ $ours }}:chaperone-admission', '{{ $ours }}:chaperone-collector'] ||
  request.userInfo.username.startsWith('system:serviceaccount:kube-system:') ||
  (request.userInfo.username.startsWith('system:node:') && has(request.userInfo.groups) &&
  'system:nodes' in request.userInfo.groups))
{{- end }}

{{/*
Paths of a node that may lead into a recorder, and some that do not: the admission side looks closer.
*/}}
{{- define "chaperone.intoRecorder" -}}
has(object.path) && object.path.matches('(?s)(attach|checkpoint|exec|run)/.*chaperone-recorder')
{{- end }}

{{/*
Not what a kubelet shows of a static pod of its own: it runs already, whatever is made of its image in the API, and
an API server takes no other pods from nodes. Nothing else with this annotation is ever run.
*/}}
{{- define "chaperone.notMirrored" -}}
name: not-mirrored
expression: >-
  !(request.userInfo.username.startsWith('system:node:') && has(request.userInfo.groups) &&
  'system:nodes' in request.userInfo.groups && has(object.metadata.annotations) &&
  'kubernetes.io/config.mirror' in object.metadata.annotations)
{{- end }}

{{/* Whether somebody may go on when Chaperone does not answer, as CEL. */}}
{{- define "chaperone.repairs" -}}
has(request.userInfo.groups) && request.userInfo.groups.exists(g, g in {{ .Values.guard.repairGroups | toJson | replace "\"" "'" }})
{{- end }}

{{/* What is the same of all webhooks of objects. Argument: the root context. */}}
{{- define "chaperone.common" -}}
matchPolicy: Equivalent
sideEffects: NoneOnDryRun
timeoutSeconds: {{ .Values.guard.timeoutSeconds }}
{{- end }}
