# What the role may do: exactly what `zonekeeper iam-policy` prints for this zone. A test keeps the two equal.

data "aws_partition" "current" {}

locals {
  route53 = "arn:${data.aws_partition.current.partition}:route53:::"

  policy = {
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "ReadZone"
        Effect   = "Allow"
        Action   = ["route53:GetHostedZone", "route53:ListResourceRecordSets"]
        Resource = "${local.route53}hostedzone/${aws_route53_zone.this.zone_id}"
      },
      {
        Sid      = "WriteRecords"
        Effect   = "Allow"
        Action   = ["route53:ChangeResourceRecordSets"]
        Resource = "${local.route53}hostedzone/${aws_route53_zone.this.zone_id}"
        Condition = {
          "ForAllValues:StringEquals" = {
            "route53:ChangeResourceRecordSetsActions"     = ["CREATE", "UPSERT"]
            "route53:ChangeResourceRecordSetsRecordTypes" = concat(sort(var.managed_record_types), ["TXT"])
          }
          "ForAllValues:StringLike" = {
            "route53:ChangeResourceRecordSetsNormalizedRecordNames" = [var.zone_name, "*.${var.zone_name}"]
          }
          # ForAllValues holds where a key is missing; this does not.
          Null = {
            "route53:ChangeResourceRecordSetsActions"               = "false"
            "route53:ChangeResourceRecordSetsNormalizedRecordNames" = "false"
            "route53:ChangeResourceRecordSetsRecordTypes"           = "false"
          }
        }
      },
      {
        Sid      = "AwaitChanges"
        Effect   = "Allow"
        Action   = ["route53:GetChange"]
        Resource = "${local.route53}change/*"
      },
      {
        # Names such as _acme-challenge, with which certificates are issued. zonekeeper's own names begin with _zk-. A pattern
        # cannot exclude another one, so the patterns spell the names that do not begin with _zk-.
        Sid      = "DenyServiceNames"
        Effect   = "Deny"
        Action   = ["route53:ChangeResourceRecordSets"]
        Resource = "${local.route53}hostedzone/${aws_route53_zone.this.zone_id}"
        Condition = {
          "ForAnyValue:StringLike" = {
            "route53:ChangeResourceRecordSetsNormalizedRecordNames" = concat(
              [for next in split("", "abcdefghijklmnopqrstuvwxy0123456789-_\\.") : "_${next}*"],
              [for next in split("", "abcdefghijlmnopqrstuvwxyz0123456789-_\\.") : "_z${next}*"],
              [for next in split("", "abcdefghijklmnopqrstuvwxyz0123456789_\\.") : "_zk${next}*"],
              ["*._*"],
            )
          }
        }
      },
    ]
  }
}

resource "aws_iam_role_policy" "this" {
  name   = "zonekeeper"
  role   = aws_iam_role.this.name
  policy = jsonencode(local.policy)
}
