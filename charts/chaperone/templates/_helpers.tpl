{{/* Labels of every object. Argument: the root context. */}}
{{- define "chaperone.labels" -}}
app.kubernetes.io/name: chaperone
app.kubernetes.io/part-of: chaperone
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{/* Labels that select a component's pods. Argument: (list root component). */}}
{{- define "chaperone.selector" -}}
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{/* An image's reference. Argument: (list root image). */}}
{{- define "chaperone.image" -}}
{{- $image := index . 1 -}}
{{ $image.repository }}:{{ $image.tag | default (index . 0).Chart.AppVersion }}
{{- end }}

{{/* Namespaces that are never guarded, as a YAML list. */}}
{{- define "chaperone.exempt" -}}
{{- concat (list "kube-system" .Release.Namespace) .Values.guard.exemptNamespaces | uniq | toYaml -}}
{{- end }}

{{/* Selects guarded namespaces. */}}
{{- define "chaperone.namespaceSelector" -}}
matchLabels:
  chaperone.dev/guard: enabled
matchExpressions:
  - key: kubernetes.io/metadata.name
    operator: NotIn
    values:
      {{- include "chaperone.exempt" . | nindent 6 }}
{{- end }}

{{/* What becomes of a request that Chaperone does not answer. Argument: the root context. */}}
{{- define "chaperone.failurePolicy" -}}
{{ if eq .Values.policies.mode "audit" }}Ignore{{ else }}Fail{{ end }}
{{- end }}

{{/* Settings of a recorder, JSON. */}}
{{- define "chaperone.recorder" -}}
{{- dict
  "image" (include "chaperone.image" (list . .Values.images.recorder))
  "pullPolicy" .Values.images.recorder.pullPolicy
  "requests" (.Values.recorder.resources.requests | default dict)
  "limits" (.Values.recorder.resources.limits | default dict)
  "spoolBytes" (.Values.recorder.spoolBytes | int64)
  "maxSessions" (.Values.recorder.maxSessions | int64)
  | toJson -}}
{{- end }}

{{/* How long approvals last, JSON. */}}
{{- define "chaperone.approvals" -}}
{{- dict
  "pending_seconds" (.Values.approvals.pendingSeconds | int64)
  "usable_seconds" (.Values.approvals.usableSeconds | int64)
  "hold_seconds" (.Values.approvals.holdSeconds | int64)
  "most_held" (.Values.approvals.mostHeld | int64)
  "most_open_per_requester" (.Values.approvals.mostOpenPerRequester | int64)
  "retention_seconds" (mul (.Values.approvals.retentionDays | int64) 86400)
  | toJson -}}
{{- end }}

{{/* Which registries are asked what images start, JSON. A review waits for at most half of what it may take. */}}
{{- define "chaperone.registry" -}}
{{- $registry := .Values.mainProcess.registry -}}
{{- $terms := dict
  "hosts" $registry.hosts
  "plainHttp" $registry.plainHttp
  "internal" $registry.internal
  "proxy" $registry.proxy
  "readSecretsIn" $registry.readSecretsIn
  "seconds" (divf (.Values.guard.timeoutSeconds | int) 2 | minf 5)
-}}
{{- if $registry.caSecret.name }}
{{- $_ := set $terms "ca" (print "/etc/chaperone/registry-ca/" $registry.caSecret.key) }}
{{- end }}
{{- if $registry.pullSecret }}
{{- $_ := set $terms "pullSecret" "/etc/chaperone/registry-credentials/.dockerconfigjson" }}
{{- end }}
{{- toJson $terms -}}
{{- end }}

{{/* Secrets about registries by the name of their volume. */}}
{{- define "chaperone.registrySecrets" -}}
{{- $registry := .Values.mainProcess.registry -}}
{{- $secrets := dict -}}
{{- if $registry.caSecret.name }}{{ $_ := set $secrets "registry-ca" $registry.caSecret.name }}{{ end -}}
{{- if $registry.pullSecret }}{{ $_ := set $secrets "registry-credentials" $registry.pullSecret }}{{ end -}}
{{- toYaml $secrets -}}
{{- end }}

{{/* Who hears of what, JSON. */}}
{{- define "chaperone.notifications" -}}
{{- $notifications := .Values.notifications -}}
{{- dict
  "kinds" $notifications.kinds
  "namespaces" $notifications.namespaces
  "receivers" $notifications.receivers
  "timeout_seconds" ($notifications.timeoutSeconds | float64)
  "flood_per_minute" ($notifications.floodPerMinute | int64)
  | toJson -}}
{{- end }}

{{/* Terms of sessions, JSON. */}}
{{- define "chaperone.limits" -}}
{{- $limits := .Values.sessions.limits -}}
{{- dict
  "idle_seconds" ($limits.idleSeconds | int64)
  "total_seconds" ($limits.totalSeconds | int64)
  "output_bytes" ($limits.outputBytes | int64)
  "findings" ($limits.findings | int64)
  | toJson -}}
{{- end }}

{{/* A pod's fields that both Deployments share. Argument: (list root values-of-the-component). */}}
{{- define "chaperone.pod" -}}
{{- $root := index . 0 -}}
{{- $values := index . 1 -}}
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
{{- with $root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with $values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with $values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* A container's security context: nothing but its own process. */}}
{{- define "chaperone.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* Startup, readiness and liveness. The startup probe leaves two minutes for the trust material. */}}
{{- define "chaperone.probes" -}}
startupProbe:
  httpGet: {path: /healthz, port: https, scheme: HTTPS}
  periodSeconds: 1
  timeoutSeconds: 5
  failureThreshold: 120
readinessProbe:
  httpGet: {path: /readyz, port: https, scheme: HTTPS}
  periodSeconds: 5
  timeoutSeconds: 5
  failureThreshold: 2
livenessProbe:
  httpGet: {path: /healthz, port: https, scheme: HTTPS}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
{{- end }}

{{/* Size of the volume for a journal of so many bytes: some room beside it, for what the journal says of itself. */}}
{{- define "chaperone.journalVolume" -}}
{{ add (. | int64) 16777216 | quote }}
{{- end }}

{{/* A projected token that proves to the collector which pod sends. */}}
{{- define "chaperone.collectorToken" -}}
projected:
  defaultMode: 0440
  sources:
    - serviceAccountToken:
        audience: chaperone-collector
        expirationSeconds: 3600
        path: token
{{- end }}
