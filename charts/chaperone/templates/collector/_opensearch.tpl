{{- define "chaperone.opensearchEnvironment" -}}
{{- $opensearch := .Values.store.opensearch -}}
- name: CHAPERONE_STORE
  value: {{ $opensearch.url | quote }}
- name: CHAPERONE_STORE_PREFIX
  value: {{ $opensearch.prefix | quote }}
- name: CHAPERONE_STORE_REPLICAS
  value: {{ $opensearch.replicas | quote }}
- name: CHAPERONE_STORE_HOT_MONTHS
  value: {{ .Values.retention.hotMonths | quote }}
{{- with $opensearch.removing.username }}
- name: CHAPERONE_STORE_REMOVING_USERNAME
  value: {{ . | quote }}
- name: CHAPERONE_STORE_REMOVING_PASSWORD_FILE
  value: /etc/chaperone/removing/{{ $opensearch.removing.passwordSecret.key }}
{{- end }}
{{- with $opensearch.username }}
- name: CHAPERONE_STORE_USERNAME
  value: {{ . | quote }}
- name: CHAPERONE_STORE_PASSWORD_FILE
  value: /etc/chaperone/password/{{ $opensearch.passwordSecret.key }}
{{- end }}
{{- if $opensearch.caSecret.name }}
- name: CHAPERONE_STORE_CA_FILE
  value: /etc/chaperone/ca/{{ $opensearch.caSecret.key }}
{{- end }}
{{- if $opensearch.clientCertificateSecret }}
- name: CHAPERONE_STORE_CERTIFICATE_FILE
  value: /etc/chaperone/certificate/tls.crt
- name: CHAPERONE_STORE_KEY_FILE
  value: /etc/chaperone/certificate/tls.key
{{- end }}
{{- end }}

{{/* Secrets by the name of their volume: password, removing, ca, certificate. */}}
{{- define "chaperone.opensearchSecrets" -}}
{{- $opensearch := .Values.store.opensearch -}}
{{- $secrets := dict -}}
{{- if $opensearch.username }}{{ $_ := set $secrets "password" $opensearch.passwordSecret.name }}{{ end -}}
{{- with $opensearch.removing }}{{ if .username }}{{ $_ := set $secrets "removing" .passwordSecret.name }}{{ end }}{{ end -}}
{{- if $opensearch.caSecret.name }}{{ $_ := set $secrets "ca" $opensearch.caSecret.name }}{{ end -}}
{{- with $opensearch.clientCertificateSecret }}{{ $_ := set $secrets "certificate" . }}{{ end -}}
{{- $secrets | toJson -}}
{{- end }}

{{- define "chaperone.opensearchMounts" -}}
{{- range $name, $_ := include "chaperone.opensearchSecrets" . | fromJson }}
- name: {{ $name }}
  mountPath: /etc/chaperone/{{ $name }}
  readOnly: true
{{- end }}
{{- end }}

{{- define "chaperone.opensearchVolumes" -}}
{{- range $name, $secret := include "chaperone.opensearchSecrets" . | fromJson }}
- name: {{ $name }}
  secret:
    secretName: {{ $secret }}
    defaultMode: 0440
{{- end }}
{{- end }}
