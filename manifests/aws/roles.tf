# One role for each cluster.

module "trust" {
  source   = "./modules/trust"
  for_each = var.clusters

  identity        = each.value.identity
  namespace       = each.value.namespace
  service_account = each.value.service_account
  cluster_name    = coalesce(each.value.cluster_name, each.key)
  region          = each.value.region
  oidc_issuer     = each.value.oidc_issuer
  pod_role_arn    = each.value.pod_role_arn
  cluster_arn     = each.value.cluster_arn
  external_id     = each.value.external_id
}

resource "aws_iam_role" "this" {
  for_each = var.clusters

  name                 = coalesce(each.value.role_name, "zonekeeper-${each.key}")
  path                 = var.role_path
  description          = "zonekeeper of the cluster ${each.key}"
  assume_role_policy   = module.trust[each.key].policy
  permissions_boundary = var.permissions_boundary
  tags                 = var.tags
}

resource "aws_iam_role_policy" "this" {
  for_each = var.clusters

  name   = "zonekeeper"
  role   = aws_iam_role.this[each.key].name
  policy = jsonencode(local.policies[each.key])
}

resource "aws_eks_pod_identity_association" "this" {
  for_each = { for name, cluster in var.clusters : name => cluster if cluster.identity == "pod-identity" }

  region          = each.value.region
  cluster_name    = coalesce(each.value.cluster_name, each.key)
  namespace       = each.value.namespace
  service_account = each.value.service_account
  role_arn        = aws_iam_role.this[each.key].arn
  tags            = var.tags
}

resource "aws_iam_openid_connect_provider" "this" {
  for_each = { for name, cluster in var.clusters : name => cluster if cluster.create_oidc_provider }

  url            = each.value.oidc_issuer
  client_id_list = ["sts.amazonaws.com"]
  tags           = var.tags
}
