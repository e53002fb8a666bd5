output "zone_id" {
  description = "What zonekeeper is started with as --zone-id."
  value       = aws_route53_zone.this.zone_id
}

output "name_servers" {
  description = "What the zone above delegates to."
  value       = aws_route53_zone.this.name_servers
}

output "role_arn" {
  description = "For IRSA, the value of the service account's annotation eks.amazonaws.com/role-arn."
  value       = aws_iam_role.this.arn
}
