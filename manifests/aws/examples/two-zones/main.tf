# Two zones for one EKS cluster. Each zonekeeper has a namespace and a role of its own, so it cannot write to the other zone.

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

module "shop" {
  source = "../.."

  zone_name = "shop.example.com"

  clusters = {
    shop = {
      cluster_name = "prod"
      namespace    = "zonekeeper-shop"
    }
  }
}

module "blog" {
  source = "../.."

  zone_name = "blog.example.com"

  clusters = {
    blog = {
      cluster_name = "prod"
      namespace    = "zonekeeper-blog"
    }
  }
}

output "zone_ids" {
  description = "Ids of the zones: the flag --zone-id of each zonekeeper."
  value       = { shop = module.shop.zone_id, blog = module.blog.zone_id }
}

output "role_arns" {
  description = "ARNs of the roles of both zones."
  value       = merge(module.shop.role_arns, module.blog.role_arns)
}
