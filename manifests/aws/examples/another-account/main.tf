# The zone is in one account, and two EKS clusters are in another account.
# `prod` uses Pod Identity: EKS assumes the role of the pod, and then the role in the account of the zone.
# `stage` uses IRSA: the account of the zone trusts the issuer of the cluster, so the pod needs no second role.

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
  alias   = "dns"
  profile = "dns"
  region  = "eu-west-1"
}

provider "aws" {
  alias   = "clusters"
  profile = "clusters"
  region  = "eu-west-1"
}

module "zonekeeper" {
  source    = "../.."
  providers = { aws = aws.dns }

  zone_name = "apps.example.com"

  clusters = {
    prod = {
      identity     = "assume-role"
      pod_role_arn = module.pod_role.role_arn
      cluster_arn  = module.pod_role.cluster_arn
    }
    stage = {
      identity             = "irsa"
      oidc_issuer          = data.aws_eks_cluster.stage.identity[0].oidc[0].issuer
      create_oidc_provider = true
    }
  }
}

module "pod_role" {
  source    = "../../modules/pod-role"
  providers = { aws = aws.clusters }

  cluster_name    = "prod"
  target_role_arn = module.zonekeeper.role_arns["prod"]
}

data "aws_eks_cluster" "stage" {
  provider = aws.clusters
  name     = "stage"
}

output "name_servers" {
  description = "Name servers of the zone, for the delegation in the zone above it."
  value       = module.zonekeeper.name_servers
}

output "stage_role_arn" {
  description = "The value of eks.amazonaws.com/role-arn of the service account in the cluster stage."
  value       = module.zonekeeper.role_arns["stage"]
}
