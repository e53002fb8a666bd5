{{/* The name of all objects: that of the release, with the name of the chart if the release has another name. */}}
{{- define "zonekeeper.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* The name of cluster-wide objects. It has the namespace, because releases in two namespaces may have one name. */}}
{{- define "zonekeeper.clusterName" -}}
{{- printf "%s-%s" .Release.Namespace (include "zonekeeper.fullname" .) -}}
{{- end -}}

{{- define "zonekeeper.selectorLabels" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "zonekeeper.labels" -}}
{{ include "zonekeeper.labelsWith" (list . dict) }}
{{- end -}}

{{/* The labels of an object with more labels of its own: a list of the context and these labels. No label comes twice. */}}
{{- define "zonekeeper.labelsWith" -}}
{{- $context := index . 0 -}}
{{- with $context -}}
{{- $own := include "zonekeeper.selectorLabels" . | fromYaml -}}
{{- $_ := set $own "app.kubernetes.io/version" .Chart.AppVersion -}}
{{- $_ := set $own "app.kubernetes.io/managed-by" .Release.Service -}}
{{- $_ := set $own "helm.sh/chart" (printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_") -}}
{{- toYaml (merge $own (index $ 1) .Values.commonLabels) -}}
{{- end -}}
{{- end -}}

{{- define "zonekeeper.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "zonekeeper.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "zonekeeper.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ default $.Chart.AppVersion .tag }}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The subject of all role bindings. */}}
{{- define "zonekeeper.subjects" -}}
- kind: ServiceAccount
  name: {{ include "zonekeeper.serviceAccountName" . }}
  namespace: {{ .Release.Namespace }}
{{- end -}}

{{/* The rules for objects in namespaces. */}}
{{- define "zonekeeper.namespacedRules" -}}
{{- if has "ingress" .Values.sources }}
- apiGroups: [networking.k8s.io]
  resources: [ingresses]
  verbs: [list, watch]
{{- end }}
{{- if has "service" .Values.sources }}
- apiGroups: [""]
  resources: [services]
  verbs: [list, watch]
{{- if has "ClusterIP" .Values.serviceTypeFilter }}
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: [list, watch]
{{- end }}
{{- if or (has "ClusterIP" .Values.serviceTypeFilter) (has "NodePort" .Values.serviceTypeFilter) }}
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch]
{{- end }}
{{- end }}
{{- if has "crd" .Values.sources }}
- apiGroups: [externaldns.k8s.io]
  resources: [dnsendpoints]
  verbs: [list, watch]
{{- if ne .Values.mode "dry-run" }}
# `get` reads the status before it is written.
- apiGroups: [externaldns.k8s.io]
  resources: [dnsendpoints]
  verbs: [get]
- apiGroups: [externaldns.k8s.io]
  resources: [dnsendpoints/status]
  verbs: [patch]
{{- end }}
{{- end }}
{{- if ne .Values.mode "dry-run" }}
# `patch` turns a repeated Event into a series.
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end }}
{{- end -}}

{{/* The rules for objects outside of namespaces. */}}
{{- define "zonekeeper.clusterRules" -}}
{{- if and (has "service" .Values.sources) (has "NodePort" .Values.serviceTypeFilter) }}
- apiGroups: [""]
  resources: [nodes]
  verbs: [list, watch]
{{- end }}
{{- if ne .Values.mode "dry-run" }}
# A person releases the brake in the spec of the ZonePlan.
- apiGroups: [zonekeeper.dev]
  resources: [zoneplans]
  verbs: [list, watch]
{{- end }}
{{- if eq .Values.mode "approve" }}
# A ZonePlan shows the plan. A person approves it in the spec; zonekeeper writes the status.
- apiGroups: [zonekeeper.dev]
  resources: [zoneplans]
  verbs: [create]
- apiGroups: [zonekeeper.dev]
  resources: [zoneplans/status]
  verbs: [patch]
{{- end }}
{{- end -}}
