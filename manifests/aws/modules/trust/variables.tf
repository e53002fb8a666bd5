variable "identity" {
  description = "How a pod gets the role: pod-identity, irsa or assume-role."
  type        = string
}

variable "namespace" {
  description = "Namespace of the service account."
  type        = string
}

variable "service_account" {
  description = "Name of the service account."
  type        = string
}

variable "cluster_name" {
  description = "Name of the EKS cluster, for pod-identity."
  type        = string
  default     = null
}

variable "region" {
  description = "Region of the EKS cluster, for pod-identity. The default is the region of the provider."
  type        = string
  default     = null
}

variable "oidc_issuer" {
  description = "URL of the cluster's issuer, for irsa."
  type        = string
  default     = null
}

variable "pod_role_arn" {
  description = "ARN of the role that the pod has in the other account, for assume-role."
  type        = string
  default     = null
}

variable "cluster_arn" {
  description = "ARN of the EKS cluster in the other account, for assume-role by EKS Pod Identity."
  type        = string
  default     = null
}

variable "external_id" {
  description = "External id, for assume-role by zonekeeper."
  type        = string
  default     = null
}
