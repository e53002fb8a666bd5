variable "zone_name" {
  description = "Name of a zone to create, for example apps.example.com: lower case, no dot at the end, internationalized names as punycode. Give either zone_name or zone_id."
  type        = string
  default     = null

  validation {
    condition     = var.zone_name == null || can(regex("^[a-z0-9_-]+(\\.[a-z0-9_-]+)+$", var.zone_name))
    error_message = "The name has lower case letters and no dot at the end, and internationalized names are punycode (xn--...)."
  }
}

variable "zone_id" {
  description = "Id of an existing zone of this account, without /hostedzone/. Give either zone_name or zone_id."
  type        = string
  default     = null

  validation {
    condition     = var.zone_id == null || can(regex("^[A-Z0-9]{1,32}$", var.zone_id))
    error_message = "The id has only capital letters and digits, for example Z0123456789EXAMPLE."
  }
}

variable "parent_zone_id" {
  description = "Id of the zone above the new zone, in this account. The module then creates the NS records of the delegation there."
  type        = string
  default     = null

  validation {
    condition     = var.parent_zone_id == null || can(regex("^[A-Z0-9]{1,32}$", var.parent_zone_id))
    error_message = "The id has only capital letters and digits, for example Z0123456789EXAMPLE."
  }
}

variable "vpc_ids" {
  description = "Ids of the VPCs that see the new zone, in the region of the provider. With VPCs, the zone is private. Terraform removes other VPCs of this zone."
  type        = set(string)
  default     = []
}

variable "clusters" {
  description = "Clusters that may write to the zone, by a name of your choice. Each cluster gets a role of its own. The table below describes the attributes."
  type = map(object({
    identity             = optional(string, "pod-identity")
    namespace            = optional(string, "zonekeeper")
    service_account      = optional(string, "zonekeeper")
    role_name            = optional(string)
    managed_record_types = optional(set(string), ["A", "AAAA", "CNAME"])
    cluster_name         = optional(string)
    region               = optional(string)
    oidc_issuer          = optional(string)
    create_oidc_provider = optional(bool, false)
    pod_role_arn         = optional(string)
    cluster_arn          = optional(string)
    external_id          = optional(string)
  }))
  default = {}

  validation {
    condition     = alltrue([for cluster in var.clusters : contains(["pod-identity", "irsa", "assume-role"], cluster.identity)])
    error_message = "The identity of a cluster is pod-identity, irsa or assume-role."
  }

  validation {
    condition = alltrue([for cluster in var.clusters :
      alltrue([for name in [cluster.namespace, cluster.service_account] : can(regex("^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$", name))])
    ])
    error_message = "A namespace and a service account are names of Kubernetes, without wildcards."
  }

  validation {
    condition = alltrue([for name, cluster in var.clusters :
      can(regex("^[A-Za-z0-9+=,.@_-]{1,64}$", coalesce(cluster.role_name, "zonekeeper-${name}")))
    ])
    error_message = "The name of a role has up to 64 letters, digits and characters of +=,.@_-. Without role_name, it is zonekeeper- and the name of the cluster."
  }

  validation {
    condition = alltrue([for cluster in var.clusters :
      length(cluster.managed_record_types) > 0 &&
      length(setsubtract(cluster.managed_record_types, ["A", "AAAA", "CAA", "CNAME", "MX", "SRV", "TXT"])) == 0
    ])
    error_message = "The managed_record_types are one or more of A, AAAA, CAA, CNAME, MX, SRV and TXT."
  }

  validation {
    condition = alltrue([for cluster in var.clusters :
      cluster.identity == "irsa" ? can(regex("^https://[^/*?]+(/[^*?]*[^/*?])?$", cluster.oidc_issuer)) : cluster.oidc_issuer == null && !cluster.create_oidc_provider
    ])
    error_message = "With irsa, the oidc_issuer is the https:// URL of the cluster's issuer, without a slash at the end. Other identities have no oidc_issuer and no create_oidc_provider."
  }

  validation {
    condition = alltrue([for cluster in var.clusters :
      cluster.identity == "pod-identity" || cluster.cluster_name == null && cluster.region == null
    ])
    error_message = "Only pod-identity takes cluster_name and region."
  }

  validation {
    condition = alltrue([for cluster in var.clusters :
      cluster.identity == "assume-role" ? can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]+$", cluster.pod_role_arn)) : cluster.pod_role_arn == null
    ])
    error_message = "With assume-role, the pod_role_arn is the ARN of the pod's role, for example arn:aws:iam::111122223333:role/zonekeeper. Other identities have no pod_role_arn."
  }

  validation {
    condition = alltrue([for cluster in var.clusters :
      cluster.identity == "assume-role" ? (cluster.cluster_arn == null) != (cluster.external_id == null) : cluster.cluster_arn == null && cluster.external_id == null
    ])
    error_message = "With assume-role, give either cluster_arn (EKS Pod Identity assumes the role) or external_id (zonekeeper assumes the role). Other identities have neither."
  }

  validation {
    condition = alltrue([for cluster in var.clusters :
      cluster.cluster_arn == null || can(regex("^arn:aws[a-z-]*:eks:[a-z0-9-]+:[0-9]{12}:cluster/[A-Za-z0-9_-]+$", cluster.cluster_arn))
    ])
    error_message = "The cluster_arn is that of an EKS cluster, for example arn:aws:eks:eu-west-1:111122223333:cluster/prod."
  }

  validation {
    condition = alltrue([for cluster in var.clusters :
      cluster.external_id == null || can(regex("^[A-Za-z0-9+=,.@:/_-]{2,}$", cluster.external_id)) && try(length(cluster.external_id), 0) <= 1224
    ])
    error_message = "The external_id has 2 to 1224 letters, digits and characters of +=,.@:/_-."
  }
}

variable "role_path" {
  description = "Path of the roles."
  type        = string
  default     = "/"

  validation {
    condition     = can(regex("^/([A-Za-z0-9+=,.@_-]+/)*$", var.role_path))
    error_message = "The path begins and ends with a slash."
  }
}

variable "permissions_boundary" {
  description = "ARN of the policy that is the permissions boundary of the roles."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of all resources that can have tags."
  type        = map(string)
  default     = {}
}
