# An existing zone that two clusters share: an EKS cluster with Pod Identity, and a cluster of any kind with an issuer.
# Give each zonekeeper an owner id of its own (--owner-id), because an owner id belongs to one cluster.

terraform {
  required_version = ">= 1.5"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.2"
    }
  }
}

provider "aws" {
  region = "eu-west-1"
}

module "zonekeeper" {
  source = "../.."

  zone_id = "Z0123456789EXAMPLE"

  clusters = {
    prod-eu = {
      cluster_name = "prod"
    }
    prod-us = {
      identity             = "irsa"
      oidc_issuer          = "https://issuer.example.com/prod-us"
      create_oidc_provider = true
      managed_record_types = ["A", "CNAME"]
    }
  }
}

output "role_arns" {
  description = "ARN of each cluster's role. The service account of prod-us needs its ARN in eks.amazonaws.com/role-arn."
  value       = module.zonekeeper.role_arns
}
