terraform {
  required_version = ">= 1.5"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.30"
    }
  }
}

variable "zone_name" {
  description = "Name of the zone to make, as in apps.example.com: lower case, no dot at its end, IDN as punycode."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9_-]+(\\.[a-z0-9_-]+)+$", var.zone_name))
    error_message = "Lower case, no dot at the end, internationalized names as punycode (xn--...)."
  }
}

variable "parent_zone_id" {
  description = "Id of the hosted zone above it, in this account. Without it, delegate by hand to the name servers of the output."
  type        = string
  default     = null
}

variable "cluster_name" {
  description = "Name of the EKS cluster that zonekeeper runs in."
  type        = string
}

variable "identity" {
  description = "How the pod gets the role: irsa or pod-identity."
  type        = string
  default     = "pod-identity"

  validation {
    condition     = contains(["irsa", "pod-identity"], var.identity)
    error_message = "Either irsa or pod-identity."
  }
}

variable "namespace" {
  description = "Namespace of zonekeeper's service account, as in manifests/base."
  type        = string
  default     = "zonekeeper"
}

variable "service_account" {
  description = "Name of zonekeeper's service account, as in manifests/base."
  type        = string
  default     = "zonekeeper"
}

variable "role_name" {
  description = "Name of the role to make."
  type        = string
  default     = "zonekeeper"
}

variable "managed_record_types" {
  description = "What zonekeeper is started with as --managed-record-types."
  type        = list(string)
  default     = ["A", "AAAA", "CNAME"]
}
