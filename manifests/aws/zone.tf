# The zone that zonekeeper keeps: a new one, or an existing one. Terraform creates no records in it.

locals {
  # zone_id cannot decide this: a zone that Terraform creates in the same run has no id yet.
  is_new  = var.zone_name != null
  zone_id = local.is_new ? one(aws_route53_zone.this[*].zone_id) : var.zone_id
  # IAM compares names in lower case and without the dot at the end.
  zone_name = local.is_new ? var.zone_name : lower(trimsuffix(one(data.aws_route53_zone.this[*].name), "."))
}

resource "aws_route53_zone" "this" {
  count = local.is_new ? 1 : 0

  name    = var.zone_name
  comment = "Kept by zonekeeper"
  tags    = var.tags

  dynamic "vpc" {
    for_each = var.vpc_ids

    content {
      vpc_id = vpc.value
    }
  }

  # With the zone, every record of every team would be gone.
  lifecycle {
    prevent_destroy = true
  }
}

data "aws_route53_zone" "this" {
  count = local.is_new ? 0 : 1

  zone_id = var.zone_id
}

resource "aws_route53_record" "delegation" {
  count = local.is_new && var.parent_zone_id != null ? 1 : 0

  zone_id = var.parent_zone_id
  name    = var.zone_name
  type    = "NS"
  ttl     = 3600
  records = one(aws_route53_zone.this[*].name_servers)
}
