# Who may take a role on: one service account of one cluster, or one role of another account.

data "aws_partition" "current" {}

data "aws_caller_identity" "current" {}

data "aws_region" "current" {}

locals {
  partition = data.aws_partition.current.partition
  account   = data.aws_caller_identity.current.account_id
  region    = coalesce(var.region, data.aws_region.current.region)
  issuer    = trimprefix(coalesce(var.oidc_issuer, "https://none"), "https://")

  # Names that follow from others are computed. So no cluster and no provider must exist before the first run.
  own_cluster_arn = "arn:${local.partition}:eks:${local.region}:${local.account}:cluster/${coalesce(var.cluster_name, "none")}"
  provider_arn    = "arn:${local.partition}:iam::${local.account}:oidc-provider/${local.issuer}"

  # EKS Pod Identity sets these tags for the first role and for the target role.
  cluster_arn = coalesce(var.cluster_arn, local.own_cluster_arn)
  session_tags = {
    "aws:RequestTag/eks-cluster-arn"            = local.cluster_arn
    "aws:RequestTag/kubernetes-namespace"       = var.namespace
    "aws:RequestTag/kubernetes-service-account" = var.service_account
  }

  statements = {
    pod-identity = {
      Effect    = "Allow"
      Principal = { Service = "pods.eks.amazonaws.com" }
      Action    = ["sts:AssumeRole", "sts:TagSession"]
      Condition = { StringEquals = local.session_tags }
    }
    irsa = {
      Effect    = "Allow"
      Principal = { Federated = local.provider_arn }
      Action    = ["sts:AssumeRoleWithWebIdentity"]
      Condition = {
        StringEquals = {
          "${local.issuer}:aud" = "sts.amazonaws.com"
          "${local.issuer}:sub" = "system:serviceaccount:${var.namespace}:${var.service_account}"
        }
      }
    }
    # IAM refuses a principal that does not exist. The condition names the role, so that you can create the two roles in any
    # order, and create the other role again.
    assume-role = {
      Effect    = "Allow"
      Principal = { AWS = "arn:${local.partition}:iam::${try(split(":", var.pod_role_arn)[4], "none")}:root" }
      Action    = ["sts:AssumeRole", "sts:TagSession"]
      Condition = {
        ArnEquals    = { "aws:PrincipalArn" = var.pod_role_arn }
        StringEquals = var.external_id == null ? local.session_tags : tomap({ "sts:ExternalId" = var.external_id })
      }
    }
  }
}
