output "zone_id" {
  description = "Id of the zone: the flag --zone-id of zonekeeper."
  value       = local.zone_id
}

output "zone_name" {
  description = "Name of the zone."
  value       = local.zone_name
}

output "name_servers" {
  description = "Name servers of a new zone, for the delegation in the zone above it. Empty for an existing zone."
  value       = flatten(aws_route53_zone.this[*].name_servers)
}

output "role_arns" {
  description = "ARN of each cluster's role, by the name of the cluster."
  value       = { for name, role in aws_iam_role.this : name => role.arn }
}

output "policies" {
  description = "Policy of each cluster's role as JSON, by the name of the cluster: what `zonekeeper iam-policy` prints."
  value       = { for name, policy in local.policies : name => jsonencode(policy) }
}
