# The role of the pod, in the account of the cluster. It may do one thing: assume the role in the account of the zone.

module "trust" {
  source = "../trust"

  identity        = var.identity
  namespace       = var.namespace
  service_account = var.service_account
  cluster_name    = var.cluster_name
  region          = var.region
  oidc_issuer     = var.oidc_issuer
}

resource "aws_iam_role" "this" {
  name                 = var.role_name
  path                 = var.role_path
  description          = "Pods of zonekeeper"
  assume_role_policy   = module.trust.policy
  permissions_boundary = var.permissions_boundary
  tags                 = var.tags

  lifecycle {
    precondition {
      condition     = var.identity == "irsa" ? var.oidc_issuer != null : var.cluster_name != null
      error_message = "pod-identity needs cluster_name, and irsa needs oidc_issuer."
    }
  }
}

resource "aws_iam_role_policy" "this" {
  name = "assume-zonekeeper"
  role = aws_iam_role.this.name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "AssumeTargetRole"
      Effect   = "Allow"
      Action   = ["sts:AssumeRole", "sts:TagSession"]
      Resource = var.target_role_arn
    }]
  })
}

resource "aws_eks_pod_identity_association" "this" {
  count = var.identity == "pod-identity" ? 1 : 0

  region          = var.region
  cluster_name    = var.cluster_name
  namespace       = var.namespace
  service_account = var.service_account
  role_arn        = aws_iam_role.this.arn
  target_role_arn = var.target_role_arn
  tags            = var.tags
}
