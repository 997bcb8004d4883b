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
