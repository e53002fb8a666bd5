# Another partition of AWS.

mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws-cn" }
  }
  mock_data "aws_caller_identity" {
    defaults = { account_id = "444455556666" }
  }
  mock_data "aws_region" {
    defaults = { region = "cn-north-1" }
  }
  mock_data "aws_route53_zone" {
    defaults = { name = "xn--bcher-kva.example" }
  }
  mock_resource "aws_route53_zone" {
    defaults = {
      zone_id      = "Z0NEWZONE"
      name_servers = ["ns-1.example.org", "ns-2.example.org"]
    }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws-cn:iam::444455556666:role/mocked" }
  }
}

run "china" {
  command = plan

  variables {
    zone_id = "Z0123456789EXAMPLE"
    clusters = {
      eks  = {}
      irsa = { identity = "irsa", oidc_issuer = "https://issuer.example.com" }
      role = { identity = "assume-role", pod_role_arn = "arn:aws-cn:iam::111122223333:role/zonekeeper", external_id = "prod" }
    }
  }

  assert {
    condition     = !anytrue([for role in aws_iam_role.this : strcontains(role.assume_role_policy, "arn:aws:")])
    error_message = "The trust policies name ARNs of this partition."
  }
  assert {
    condition     = !anytrue([for policy in output.policies : strcontains(policy, "arn:aws:")])
    error_message = "The policies name ARNs of this partition."
  }
}
