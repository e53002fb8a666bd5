# The zone that zonekeeper keeps. Terraform makes it and its delegation, and no records in it.

resource "aws_route53_zone" "this" {
  name    = var.zone_name
  comment = "Kept by zonekeeper"

  # With the zone, every record of every team would be gone.
  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_route53_record" "delegation" {
  count = var.parent_zone_id == null ? 0 : 1

  zone_id = var.parent_zone_id
  name    = var.zone_name
  type    = "NS"
  ttl     = 3600
  records = aws_route53_zone.this.name_servers
}
