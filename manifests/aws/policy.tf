# What a role may do: exactly what `zonekeeper iam-policy` prints for this zone. A test keeps the two equal.

# Every mode reads the partition, so the checks of several variables are here. A validation of a variable can refer to
# other variables only from Terraform 1.9 on.
data "aws_partition" "current" {
  lifecycle {
    precondition {
      condition     = (var.zone_name == null) != (var.zone_id == null)
      error_message = "Give either zone_name, for a new zone, or zone_id, for an existing one."
    }

    precondition {
      condition     = var.zone_name != null || var.parent_zone_id == null && length(var.vpc_ids) == 0
      error_message = "parent_zone_id and vpc_ids are for a new zone, so give zone_name instead of zone_id."
    }

    precondition {
      condition     = var.parent_zone_id == null || length(var.vpc_ids) == 0
      error_message = "A private zone has no delegation, so give either parent_zone_id or vpc_ids."
    }
  }
}

locals {
  route53  = "arn:${data.aws_partition.current.partition}:route53:::"
  zone_arn = "${local.route53}hostedzone/${local.zone_id}"

  policies = {
    for name, cluster in var.clusters : name => {
      Version = "2012-10-17"
      Statement = concat(
        [
          {
            Sid      = "ReadZone"
            Effect   = "Allow"
            Action   = ["route53:GetHostedZone", "route53:ListResourceRecordSets"]
            Resource = local.zone_arn
          },
          {
            Sid      = "WriteRecords"
            Effect   = "Allow"
            Action   = ["route53:ChangeResourceRecordSets"]
            Resource = local.zone_arn
            Condition = {
              "ForAllValues:StringEquals" = {
                "route53:ChangeResourceRecordSetsActions"     = ["CREATE", "UPSERT"]
                "route53:ChangeResourceRecordSetsRecordTypes" = concat(sort(cluster.managed_record_types), ["TXT"])
              }
              "ForAllValues:StringLike" = {
                "route53:ChangeResourceRecordSetsNormalizedRecordNames" = [local.zone_name, "*.${local.zone_name}"]
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
        ],
        # In a zone such as _tcp.example.com, every name has a label with `_`.
        [
          for statement in [local.deny_service_names] : statement if length(regexall("(^|\\.)_", local.zone_name)) == 0
        ],
      )
    }
  }

  # Names such as _acme-challenge, with which certificates are issued. zonekeeper's own names begin with _zk-. A pattern
  # cannot exclude another one, so the patterns spell the names that do not begin with _zk-.
  deny_service_names = {
    Sid      = "DenyServiceNames"
    Effect   = "Deny"
    Action   = ["route53:ChangeResourceRecordSets"]
    Resource = local.zone_arn
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
  }
}
