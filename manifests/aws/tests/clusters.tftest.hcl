# Clusters: who may take a role on, and which clusters the module rejects.

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

variables {
  zone_id = "Z0123456789EXAMPLE"
}

run "pod_identity" {
  command = plan

  variables {
    clusters = { prod = {} }
  }

  assert {
    condition = jsondecode(aws_iam_role.this["prod"].assume_role_policy) == {
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
    condition = (
      aws_eks_pod_identity_association.this["prod"].cluster_name == "prod" &&
      aws_eks_pod_identity_association.this["prod"].namespace == "zonekeeper" &&
      aws_eks_pod_identity_association.this["prod"].service_account == "zonekeeper" &&
      aws_eks_pod_identity_association.this["prod"].role_arn == aws_iam_role.this["prod"].arn
    )
    error_message = "The association binds the role to the service account."
  }
  assert {
    condition     = aws_iam_role.this["prod"].name == "zonekeeper-prod" && aws_iam_role_policy.this["prod"].role == "zonekeeper-prod"
    error_message = "The role has the name of the cluster."
  }
  assert {
    condition     = aws_iam_role_policy.this["prod"].policy == output.policies["prod"]
    error_message = "The role has the policy of the output."
  }
  assert {
    condition     = length(aws_iam_openid_connect_provider.this) == 0
    error_message = "Pod Identity needs no OpenID Connect provider."
  }
}

run "names_of_your_choice" {
  command = plan

  variables {
    role_path            = "/dns/"
    permissions_boundary = "arn:aws:iam::444455556666:policy/boundary"
    tags                 = { team = "platform" }
    clusters = {
      blue = {
        cluster_name    = "prod"
        region          = "us-east-2"
        namespace       = "dns"
        service_account = "keeper"
        role_name       = "keeper"
      }
    }
  }

  assert {
    condition = jsondecode(aws_iam_role.this["blue"].assume_role_policy).Statement[0].Condition == {
      StringEquals = {
        "aws:RequestTag/eks-cluster-arn"            = "arn:aws:eks:us-east-2:444455556666:cluster/prod"
        "aws:RequestTag/kubernetes-namespace"       = "dns"
        "aws:RequestTag/kubernetes-service-account" = "keeper"
      }
    }
    error_message = "The role trusts the named service account."
  }
  assert {
    condition = (
      aws_eks_pod_identity_association.this["blue"].cluster_name == "prod" &&
      aws_eks_pod_identity_association.this["blue"].region == "us-east-2" &&
      aws_eks_pod_identity_association.this["blue"].namespace == "dns" &&
      aws_eks_pod_identity_association.this["blue"].service_account == "keeper" &&
      aws_eks_pod_identity_association.this["blue"].tags == tomap({ team = "platform" })
    )
    error_message = "The association has the same names."
  }
  assert {
    condition = (
      aws_iam_role.this["blue"].name == "keeper" &&
      aws_iam_role.this["blue"].path == "/dns/" &&
      aws_iam_role.this["blue"].permissions_boundary == "arn:aws:iam::444455556666:policy/boundary" &&
      aws_iam_role.this["blue"].tags == tomap({ team = "platform" })
    )
    error_message = "The role has the name, the path, the boundary and the tags."
  }
}

run "irsa" {
  command = plan

  variables {
    clusters = {
      prod = {
        identity    = "irsa"
        oidc_issuer = "https://oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF"
      }
    }
  }

  assert {
    condition = jsondecode(aws_iam_role.this["prod"].assume_role_policy) == {
      Version = "2012-10-17"
      Statement = [{
        Effect    = "Allow"
        Principal = { Federated = "arn:aws:iam::444455556666:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF" }
        Action    = ["sts:AssumeRoleWithWebIdentity"]
        Condition = {
          StringEquals = {
            "oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF:aud" = "sts.amazonaws.com"
            "oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF:sub" = "system:serviceaccount:zonekeeper:zonekeeper"
          }
        }
      }]
    }
    error_message = "Only a token for AWS of this issuer and service account is enough."
  }
  assert {
    condition     = length(aws_eks_pod_identity_association.this) == 0 && length(aws_iam_openid_connect_provider.this) == 0
    error_message = "IRSA needs no association, and the provider exists already."
  }
}

run "irsa_with_a_new_provider" {
  command = plan

  variables {
    tags = { team = "platform" }
    clusters = {
      prod = {
        identity             = "irsa"
        oidc_issuer          = "https://issuer.example.com"
        create_oidc_provider = true
      }
    }
  }

  assert {
    condition = (
      aws_iam_openid_connect_provider.this["prod"].url == "https://issuer.example.com" &&
      aws_iam_openid_connect_provider.this["prod"].client_id_list == toset(["sts.amazonaws.com"]) &&
      aws_iam_openid_connect_provider.this["prod"].tags == tomap({ team = "platform" })
    )
    error_message = "The account gets a provider for the issuer."
  }
  assert {
    condition     = jsondecode(aws_iam_role.this["prod"].assume_role_policy).Statement[0].Principal.Federated == "arn:aws:iam::444455556666:oidc-provider/issuer.example.com"
    error_message = "The role trusts this provider."
  }
}

run "assume_role_by_pod_identity" {
  command = plan

  variables {
    clusters = {
      prod = {
        identity     = "assume-role"
        pod_role_arn = "arn:aws:iam::111122223333:role/zonekeeper"
        cluster_arn  = "arn:aws:eks:eu-west-1:111122223333:cluster/prod"
      }
    }
  }

  assert {
    condition = jsondecode(aws_iam_role.this["prod"].assume_role_policy) == {
      Version = "2012-10-17"
      Statement = [{
        Effect    = "Allow"
        Principal = { AWS = "arn:aws:iam::111122223333:root" }
        Action    = ["sts:AssumeRole", "sts:TagSession"]
        Condition = {
          ArnEquals = { "aws:PrincipalArn" = "arn:aws:iam::111122223333:role/zonekeeper" }
          StringEquals = {
            "aws:RequestTag/eks-cluster-arn"            = "arn:aws:eks:eu-west-1:111122223333:cluster/prod"
            "aws:RequestTag/kubernetes-namespace"       = "zonekeeper"
            "aws:RequestTag/kubernetes-service-account" = "zonekeeper"
          }
        }
      }]
    }
    error_message = "Only one role of the other account may assume the role, for one service account of one cluster."
  }
  assert {
    condition     = length(aws_eks_pod_identity_association.this) == 0
    error_message = "The association is in the account of the cluster."
  }
}

run "assume_role_by_zonekeeper" {
  command = plan

  variables {
    clusters = {
      prod = {
        identity     = "assume-role"
        pod_role_arn = "arn:aws:iam::111122223333:role/dns/zonekeeper"
        external_id  = "prod-eu"
      }
    }
  }

  assert {
    condition = jsondecode(aws_iam_role.this["prod"].assume_role_policy) == {
      Version = "2012-10-17"
      Statement = [{
        Effect    = "Allow"
        Principal = { AWS = "arn:aws:iam::111122223333:root" }
        Action    = ["sts:AssumeRole", "sts:TagSession"]
        Condition = {
          ArnEquals    = { "aws:PrincipalArn" = "arn:aws:iam::111122223333:role/dns/zonekeeper" }
          StringEquals = { "sts:ExternalId" = "prod-eu" }
        }
      }]
    }
    error_message = "Only one role of the other account may assume the role, with the external id."
  }
}

run "several_clusters" {
  command = plan

  variables {
    clusters = {
      eu = {}
      us = { identity = "irsa", oidc_issuer = "https://issuer.example.com/us", managed_record_types = ["CNAME", "A", "TXT"] }
      ap = { identity = "assume-role", pod_role_arn = "arn:aws:iam::111122223333:role/zonekeeper", external_id = "ap" }
    }
  }

  assert {
    condition     = toset([for role in aws_iam_role.this : role.name]) == toset(["zonekeeper-eu", "zonekeeper-us", "zonekeeper-ap"])
    error_message = "Each cluster has a role of its own."
  }
  assert {
    condition     = join(" ", keys(output.role_arns)) == "ap eu us" && join(" ", keys(output.policies)) == "ap eu us"
    error_message = "The outputs have each cluster."
  }
  assert {
    condition     = join(" ", keys(aws_eks_pod_identity_association.this)) == "eu"
    error_message = "Only Pod Identity needs an association."
  }
  assert {
    condition = { for name, policy in output.policies : name => join(" ", jsondecode(policy).Statement[1].Condition["ForAllValues:StringEquals"]["route53:ChangeResourceRecordSetsRecordTypes"]) } == {
      ap = "A AAAA CNAME TXT"
      eu = "A AAAA CNAME TXT"
      us = "A CNAME TXT TXT"
    }
    error_message = "Each policy has the record types of its cluster, and TXT for the ownership records."
  }
}

run "an_unknown_identity" {
  command = plan

  variables {
    clusters = { prod = { identity = "kiam" } }
  }

  expect_failures = [var.clusters]
}

run "a_wildcard_as_namespace" {
  command = plan

  variables {
    clusters = { prod = { namespace = "*" } }
  }

  expect_failures = [var.clusters]
}

run "a_wildcard_as_service_account" {
  command = plan

  variables {
    clusters = { prod = { service_account = "zone?" } }
  }

  expect_failures = [var.clusters]
}

run "a_role_name_that_is_too_long" {
  command = plan

  variables {
    clusters = { prod = { role_name = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" } }
  }

  expect_failures = [var.clusters]
}

run "no_record_types" {
  command = plan

  variables {
    clusters = { prod = { managed_record_types = [] } }
  }

  expect_failures = [var.clusters]
}

run "a_record_type_that_is_never_written" {
  command = plan

  variables {
    clusters = { prod = { managed_record_types = ["A", "NS"] } }
  }

  expect_failures = [var.clusters]
}

run "irsa_without_an_issuer" {
  command = plan

  variables {
    clusters = { prod = { identity = "irsa" } }
  }

  expect_failures = [var.clusters]
}

run "an_issuer_without_https" {
  command = plan

  variables {
    clusters = { prod = { identity = "irsa", oidc_issuer = "issuer.example.com" } }
  }

  expect_failures = [var.clusters]
}

run "an_issuer_with_a_slash_at_its_end" {
  command = plan

  variables {
    clusters = { prod = { identity = "irsa", oidc_issuer = "https://issuer.example.com/" } }
  }

  expect_failures = [var.clusters]
}

run "an_issuer_for_pod_identity" {
  command = plan

  variables {
    clusters = { prod = { oidc_issuer = "https://issuer.example.com" } }
  }

  expect_failures = [var.clusters]
}

run "a_provider_for_pod_identity" {
  command = plan

  variables {
    clusters = { prod = { create_oidc_provider = true } }
  }

  expect_failures = [var.clusters]
}

run "a_region_for_irsa" {
  command = plan

  variables {
    clusters = { prod = { identity = "irsa", oidc_issuer = "https://issuer.example.com", region = "eu-west-1" } }
  }

  expect_failures = [var.clusters]
}

run "a_pod_role_for_pod_identity" {
  command = plan

  variables {
    clusters = { prod = { pod_role_arn = "arn:aws:iam::111122223333:role/zonekeeper" } }
  }

  expect_failures = [var.clusters]
}

run "assume_role_without_a_role" {
  command = plan

  variables {
    clusters = { prod = { identity = "assume-role", external_id = "prod" } }
  }

  expect_failures = [var.clusters]
}

run "assume_role_for_an_account" {
  command = plan

  variables {
    clusters = { prod = { identity = "assume-role", external_id = "prod", pod_role_arn = "arn:aws:iam::111122223333:root" } }
  }

  expect_failures = [var.clusters]
}

run "assume_role_for_every_role" {
  command = plan

  variables {
    clusters = { prod = { identity = "assume-role", external_id = "prod", pod_role_arn = "arn:aws:iam::111122223333:role/*" } }
  }

  expect_failures = [var.clusters]
}

run "assume_role_without_a_condition" {
  command = plan

  variables {
    clusters = { prod = { identity = "assume-role", pod_role_arn = "arn:aws:iam::111122223333:role/zonekeeper" } }
  }

  expect_failures = [var.clusters]
}

run "assume_role_with_two_conditions" {
  command = plan

  variables {
    clusters = { prod = { identity = "assume-role", external_id = "prod", cluster_arn = "arn:aws:eks:eu-west-1:111122223333:cluster/prod", pod_role_arn = "arn:aws:iam::111122223333:role/zonekeeper" } }
  }

  expect_failures = [var.clusters]
}

run "assume_role_for_every_cluster" {
  command = plan

  variables {
    clusters = { prod = { identity = "assume-role", cluster_arn = "arn:aws:eks:eu-west-1:111122223333:cluster/*", pod_role_arn = "arn:aws:iam::111122223333:role/zonekeeper" } }
  }

  expect_failures = [var.clusters]
}

run "an_external_id_with_a_space" {
  command = plan

  variables {
    clusters = { prod = { identity = "assume-role", external_id = "prod eu", pod_role_arn = "arn:aws:iam::111122223333:role/zonekeeper" } }
  }

  expect_failures = [var.clusters]
}

run "an_external_id_for_irsa" {
  command = plan

  variables {
    clusters = { prod = { identity = "irsa", oidc_issuer = "https://issuer.example.com", external_id = "prod" } }
  }

  expect_failures = [var.clusters]
}
