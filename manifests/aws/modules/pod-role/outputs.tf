output "role_arn" {
  description = "ARN of the role: pod_role_arn of the cluster in the module of the zone."
  value       = aws_iam_role.this.arn
}

output "cluster_arn" {
  description = "ARN of the EKS cluster: cluster_arn of the cluster in the module of the zone. Null with irsa."
  value       = var.identity == "pod-identity" ? module.trust.cluster_arn : null
}
