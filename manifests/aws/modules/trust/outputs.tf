output "policy" {
  description = "Trust policy of the role, as JSON."
  value = jsonencode({
    Version   = "2012-10-17"
    Statement = [local.statements[var.identity]]
  })
}

output "cluster_arn" {
  description = "ARN of the EKS cluster, for pod-identity."
  value       = local.own_cluster_arn
}
