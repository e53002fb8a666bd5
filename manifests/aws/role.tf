# Who may take the role on: one service account of one cluster, in one of two ways.

data "aws_eks_cluster" "this" {
  name = var.cluster_name
}

# IRSA alone needs the cluster's OpenID Connect provider, which must exist.
data "aws_iam_openid_connect_provider" "cluster" {
  count = var.identity == "irsa" ? 1 : 0

  url = data.aws_eks_cluster.this.identity[0].oidc[0].issuer
}

locals {
  issuer = trimprefix(data.aws_eks_cluster.this.identity[0].oidc[0].issuer, "https://")

  trust = {
    irsa = {
      Effect    = "Allow"
      Principal = { Federated = one(data.aws_iam_openid_connect_provider.cluster[*].arn) }
      Action    = ["sts:AssumeRoleWithWebIdentity"]
      Condition = {
        StringEquals = {
          "${local.issuer}:aud" = "sts.amazonaws.com"
          "${local.issuer}:sub" = "system:serviceaccount:${var.namespace}:${var.service_account}"
        }
      }
    }
    pod-identity = {
      Effect    = "Allow"
      Principal = { Service = "pods.eks.amazonaws.com" }
      Action    = ["sts:AssumeRole", "sts:TagSession"]
      Condition = {
        StringEquals = {
          "aws:RequestTag/eks-cluster-arn"            = data.aws_eks_cluster.this.arn
          "aws:RequestTag/kubernetes-namespace"       = var.namespace
          "aws:RequestTag/kubernetes-service-account" = var.service_account
        }
      }
    }
  }
}

resource "aws_iam_role" "this" {
  name = var.role_name

  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [local.trust[var.identity]]
  })
}

resource "aws_eks_pod_identity_association" "this" {
  count = var.identity == "pod-identity" ? 1 : 0

  cluster_name    = data.aws_eks_cluster.this.name
  namespace       = var.namespace
  service_account = var.service_account
  role_arn        = aws_iam_role.this.arn
}
