variable "target_role_arn" {
  description = "ARN of the role in the account of the zone. It need not exist yet."
  type        = string

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]+$", var.target_role_arn))
    error_message = "This is the ARN of a role, for example arn:aws:iam::444455556666:role/zonekeeper-prod."
  }
}

variable "identity" {
  description = "How the pod gets this role: pod-identity or irsa. With pod-identity, EKS also assumes the target role for the pod. With irsa, zonekeeper assumes it (--aws-assume-role)."
  type        = string
  default     = "pod-identity"

  validation {
    condition     = contains(["pod-identity", "irsa"], var.identity)
    error_message = "The identity is pod-identity or irsa."
  }
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
  description = "URL of the cluster's issuer, for irsa. The account must have an IAM OpenID Connect provider for it."
  type        = string
  default     = null

  validation {
    condition     = var.oidc_issuer == null || can(regex("^https://[^/*?]+(/[^*?]*[^/*?])?$", var.oidc_issuer))
    error_message = "The issuer is an https:// URL without a slash at the end."
  }
}

variable "namespace" {
  description = "Namespace of zonekeeper's service account, as in manifests/base."
  type        = string
  default     = "zonekeeper"

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$", var.namespace))
    error_message = "A namespace is a name of Kubernetes, without wildcards."
  }
}

variable "service_account" {
  description = "Name of zonekeeper's service account, as in manifests/base."
  type        = string
  default     = "zonekeeper"

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$", var.service_account))
    error_message = "A service account is a name of Kubernetes, without wildcards."
  }
}

variable "role_name" {
  description = "Name of the role."
  type        = string
  default     = "zonekeeper"
}

variable "role_path" {
  description = "Path of the role."
  type        = string
  default     = "/"
}

variable "permissions_boundary" {
  description = "ARN of the policy that is the permissions boundary of the role."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of all resources that can have tags."
  type        = map(string)
  default     = {}
}
