{{- define "mlsecops.selector" -}}
app.kubernetes.io/name: mlsecops-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "mlsecops.labels" -}}
{{ include "mlsecops.selector" . }}
app.kubernetes.io/part-of: mlsecops-operator
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "mlsecops.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Chart.AppVersion }}
{{- end -}}
{{- end }}

{{- define "mlsecops.pairs" -}}
{{- $pairs := list -}}
{{- range $name, $value := . -}}
{{- $pairs = append $pairs (printf "%s=%s" $name $value) -}}
{{- end -}}
{{- join "," $pairs -}}
{{- end }}

{{- define "mlsecops.evidenceKeySecret" -}}
{{ .Values.evidence.keySecret | default "mlsecops-evidence-key" }}
{{- end }}

{{- define "mlsecops.evidenceArgs" -}}
{{- with .Values.evidence -}}
{{- if ne .store "None" -}}
- --evidence-store={{ .store }}
- --evidence-key-secret={{ include "mlsecops.evidenceKeySecret" $ }}
- --evidence-checkpoint-interval={{ .checkpointInterval }}
{{- if eq .store "Directory" }}
- --evidence-directory=/var/lib/mlsecops/evidence
{{- else }}
- --evidence-repository={{ .repository.reference }}
{{- with .repository.pushSecret }}
- --evidence-push-secret={{ . }}
{{- end }}
{{- end }}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "mlsecops.egressRule" -}}
- ports:
    {{- range .ports }}
    - port: {{ . }}
      protocol: TCP
    {{- end }}
  {{- with .cidrs }}
  to:
    {{- range . }}
    - ipBlock:
        cidr: {{ . | quote }}
    {{- end }}
  {{- end }}
{{- end }}
