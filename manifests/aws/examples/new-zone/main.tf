# A new zone with its delegation, and the role of one EKS cluster that uses Pod Identity.

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

  zone_name      = "apps.example.com"
  parent_zone_id = "Z0PARENT"

  clusters = {
    # The key is the name of the EKS cluster.
    prod = {}
  }
}

output "zone_id" {
  description = "Id of the zone: the flag --zone-id of zonekeeper."
  value       = module.zonekeeper.zone_id
}
