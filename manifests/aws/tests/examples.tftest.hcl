# The examples. Each of them is a complete configuration.

mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_caller_identity" {
    defaults = { account_id = "444455556666" }
  }
  mock_data "aws_region" {
    defaults = { region = "eu-west-1" }
  }
  mock_data "aws_route53_zone" {
    defaults = { name = "apps.example.com" }
  }
}

mock_provider "aws" {
  alias = "dns"

  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_caller_identity" {
    defaults = { account_id = "444455556666" }
  }
  mock_data "aws_region" {
    defaults = { region = "eu-west-1" }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::444455556666:role/zonekeeper-prod" }
  }
  mock_resource "aws_route53_zone" {
    defaults = { name_servers = ["ns-1.example.org"] }
  }
}

mock_provider "aws" {
  alias = "clusters"

  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_caller_identity" {
    defaults = { account_id = "111122223333" }
  }
  mock_data "aws_region" {
    defaults = { region = "eu-west-1" }
  }
  mock_data "aws_eks_cluster" {
    defaults = { identity = [{ oidc = [{ issuer = "https://issuer.example.com/stage" }] }] }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::111122223333:role/zonekeeper" }
  }
}

run "new_zone" {
  command = plan

  module {
    source = "./examples/new-zone"
  }

  assert {
    condition     = output.zone_id == module.zonekeeper.zone_id
    error_message = "The output has the id of the zone."
  }
}

run "existing_zone_two_clusters" {
  command = plan

  module {
    source = "./examples/existing-zone-two-clusters"
  }

  assert {
    condition     = join(" ", keys(output.role_arns)) == "prod-eu prod-us"
    error_message = "Each cluster has a role."
  }
}

run "two_zones" {
  command = plan

  module {
    source = "./examples/two-zones"
  }

  assert {
    condition     = join(" ", keys(output.role_arns)) == "blog shop"
    error_message = "Each zone has a role."
  }
}

run "another_account" {
  command = plan

  module {
    source = "./examples/another-account"
  }

  assert {
    condition     = output.name_servers == ["ns-1.example.org"]
    error_message = "The output has the name servers."
  }
  assert {
    condition     = module.zonekeeper.role_arns["prod"] == "arn:aws:iam::444455556666:role/zonekeeper-prod"
    error_message = "The role with the permissions is in the account of the zone."
  }
  assert {
    condition     = module.pod_role.role_arn == "arn:aws:iam::111122223333:role/zonekeeper"
    error_message = "The role of the pod is in the account of the cluster."
  }
  assert {
    condition     = module.pod_role.cluster_arn == "arn:aws:eks:eu-west-1:111122223333:cluster/prod"
    error_message = "The cluster is in its own account."
  }
}
