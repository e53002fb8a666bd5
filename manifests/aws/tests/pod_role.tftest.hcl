# The module for the account of the cluster.

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
  mock_resource "aws_route53_zone" {
    defaults = {
      zone_id      = "Z0NEWZONE"
      name_servers = ["ns-1.example.org", "ns-2.example.org"]
    }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::444455556666:role/mocked" }
  }
}

run "pod_identity_in_another_account" {
  command = plan

  module {
    source = "./modules/pod-role"
  }

  variables {
    cluster_name    = "prod"
    target_role_arn = "arn:aws:iam::111122223333:role/zonekeeper-prod"
    tags            = { team = "platform" }
  }

  assert {
    condition = jsondecode(aws_iam_role.this.assume_role_policy) == {
      Version = "2012-10-17"
      Statement = [{
        Effect    = "Allow"
        Principal = { Service = "pods.eks.amazonaws.com" }
        Action    = ["sts:AssumeRole", "sts:TagSession"]
        Condition = {
          StringEquals = {
            "aws:RequestTag/eks-cluster-arn"            = "arn:aws:eks:eu-west-1:444455556666:cluster/prod"
            "aws:RequestTag/kubernetes-namespace"       = "zonekeeper"
            "aws:RequestTag/kubernetes-service-account" = "zonekeeper"
          }
        }
      }]
    }
    error_message = "Only EKS may assume the role, for one service account of one cluster."
  }
  assert {
    condition = jsondecode(aws_iam_role_policy.this.policy) == {
      Version = "2012-10-17"
      Statement = [{
        Sid      = "AssumeTargetRole"
        Effect   = "Allow"
        Action   = ["sts:AssumeRole", "sts:TagSession"]
        Resource = "arn:aws:iam::111122223333:role/zonekeeper-prod"
      }]
    }
    error_message = "The role may only assume the target role."
  }
  assert {
    condition = (
      aws_eks_pod_identity_association.this[0].cluster_name == "prod" &&
      aws_eks_pod_identity_association.this[0].role_arn == aws_iam_role.this.arn &&
      aws_eks_pod_identity_association.this[0].target_role_arn == "arn:aws:iam::111122223333:role/zonekeeper-prod"
    )
    error_message = "EKS assumes the role, and then the target role."
  }
  assert {
    condition     = output.cluster_arn == "arn:aws:eks:eu-west-1:444455556666:cluster/prod"
    error_message = "The output has the cluster."
  }
}

run "irsa_in_another_account" {
  command = plan

  module {
    source = "./modules/pod-role"
  }

  variables {
    identity        = "irsa"
    oidc_issuer     = "https://issuer.example.com"
    target_role_arn = "arn:aws:iam::111122223333:role/zonekeeper-prod"
  }

  assert {
    condition     = jsondecode(aws_iam_role.this.assume_role_policy).Statement[0].Principal.Federated == "arn:aws:iam::444455556666:oidc-provider/issuer.example.com"
    error_message = "The role trusts the provider of its own account."
  }
  assert {
    condition     = length(aws_eks_pod_identity_association.this) == 0 && output.cluster_arn == null
    error_message = "IRSA needs no association."
  }
}

run "no_cluster" {
  command = plan

  module {
    source = "./modules/pod-role"
  }

  variables {
    target_role_arn = "arn:aws:iam::111122223333:role/zonekeeper-prod"
  }

  expect_failures = [aws_iam_role.this]
}

run "every_role_as_target" {
  command = plan

  module {
    source = "./modules/pod-role"
  }

  variables {
    cluster_name    = "prod"
    target_role_arn = "arn:aws:iam::111122223333:role/*"
  }

  expect_failures = [var.target_role_arn]
}

run "another_identity" {
  command = plan

  module {
    source = "./modules/pod-role"
  }

  variables {
    target_role_arn = "arn:aws:iam::111122223333:role/zonekeeper-prod"
    cluster_name    = "prod"
    identity        = "assume-role"
  }

  expect_failures = [var.identity]
}

run "a_wildcard" {
  command = plan

  module {
    source = "./modules/pod-role"
  }

  variables {
    target_role_arn = "arn:aws:iam::111122223333:role/zonekeeper-prod"
    cluster_name    = "prod"
    namespace       = "*"
  }

  expect_failures = [var.namespace]
}

run "a_wildcard_as_account" {
  command = plan

  module {
    source = "./modules/pod-role"
  }

  variables {
    target_role_arn = "arn:aws:iam::111122223333:role/zonekeeper-prod"
    cluster_name    = "prod"
    service_account = "*"
  }

  expect_failures = [var.service_account]
}

run "an_issuer_that_is_no_url" {
  command = plan

  module {
    source = "./modules/pod-role"
  }

  variables {
    target_role_arn = "arn:aws:iam::111122223333:role/zonekeeper-prod"
    cluster_name    = "prod"
    oidc_issuer     = "issuer.example.com"
  }

  expect_failures = [var.oidc_issuer]
}
