# Zones: new, delegated, private and existing ones.

mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_caller_identity" {
    defaults = { account_id = "444455556666" }
  }
  mock_data "aws_region" {
    defaults = { region = "eu-west-1" }
  }
  mock_data "aws_route53_zone" {
    defaults = { name = "apps.example.com" }
  }
  mock_resource "aws_route53_zone" {
    defaults = {
      zone_id      = "Z0NEWZONE"
      name_servers = ["ns-1.example.org", "ns-2.example.org"]
    }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::444455556666:role/mocked" }
  }
}

run "a_new_zone" {
  command = plan

  variables {
    zone_name = "apps.example.com"
    tags      = { team = "platform" }
  }

  assert {
    condition     = aws_route53_zone.this[0].name == "apps.example.com" && length(aws_route53_zone.this[0].vpc) == 0
    error_message = "The zone is new and public."
  }
  assert {
    condition     = aws_route53_zone.this[0].tags == tomap({ team = "platform" })
    error_message = "The zone has the tags."
  }
  assert {
    condition     = length(aws_route53_record.delegation) == 0 && length(data.aws_route53_zone.this) == 0
    error_message = "Without parent_zone_id, there is no delegation."
  }
  assert {
    condition     = output.zone_id == "Z0NEWZONE" && output.zone_name == "apps.example.com" && output.name_servers == ["ns-1.example.org", "ns-2.example.org"]
    error_message = "The outputs describe the new zone."
  }
  assert {
    condition     = length(output.role_arns) == 0
    error_message = "Without clusters, there are no roles."
  }
}

run "a_delegated_zone" {
  command = plan

  variables {
    zone_name      = "apps.example.com"
    parent_zone_id = "Z0PARENT"
  }

  assert {
    condition = (
      aws_route53_record.delegation[0].zone_id == "Z0PARENT" &&
      aws_route53_record.delegation[0].name == "apps.example.com" &&
      aws_route53_record.delegation[0].type == "NS" &&
      aws_route53_record.delegation[0].ttl == 3600 &&
      aws_route53_record.delegation[0].records == toset(["ns-1.example.org", "ns-2.example.org"])
    )
    error_message = "The parent zone leads to the name servers of the new zone."
  }
}

run "a_private_zone" {
  command = plan

  variables {
    zone_name = "corp.example.com"
    vpc_ids   = ["vpc-1", "vpc-2"]
    clusters  = { prod = {} }
  }

  assert {
    condition     = toset([for vpc in aws_route53_zone.this[0].vpc : vpc.vpc_id]) == toset(["vpc-1", "vpc-2"])
    error_message = "The VPCs see the zone."
  }
}

run "a_zone_of_service_names" {
  command = plan

  variables {
    zone_name = "_tcp.example.com"
    clusters  = { prod = { managed_record_types = ["TXT", "SRV"] } }
  }

  assert {
    condition     = !strcontains(output.policies["prod"], "DenyServiceNames")
    error_message = "Every name of this zone has a label with an underscore."
  }
}

run "an_existing_zone" {
  command = plan

  variables {
    zone_id  = "Z0123456789EXAMPLE"
    clusters = { prod = {} }
  }

  assert {
    condition     = length(aws_route53_zone.this) == 0 && length(aws_route53_record.delegation) == 0
    error_message = "An existing zone stays as it is."
  }
  assert {
    condition     = output.zone_id == "Z0123456789EXAMPLE" && output.zone_name == "apps.example.com" && length(output.name_servers) == 0
    error_message = "The outputs describe the existing zone."
  }
}

run "an_existing_zone_in_other_spelling" {
  command = plan

  variables {
    zone_id  = "Z0123456789EXAMPLE"
    clusters = { prod = {} }
  }

  override_data {
    target = data.aws_route53_zone.this
    values = { name = "Apps.Example.COM." }
  }

  assert {
    condition     = output.zone_name == "apps.example.com"
    error_message = "IAM compares names in lower case and without the dot at the end."
  }
}

run "no_zone" {
  command         = plan
  expect_failures = [data.aws_partition.current]
}

run "two_zones" {
  command = plan

  variables {
    zone_name = "apps.example.com"
    zone_id   = "Z0123456789EXAMPLE"
  }

  expect_failures = [data.aws_partition.current]
}

run "an_existing_zone_with_a_parent" {
  command = plan

  variables {
    zone_id        = "Z0123456789EXAMPLE"
    parent_zone_id = "Z0PARENT"
  }

  expect_failures = [data.aws_partition.current]
}

run "an_existing_zone_with_vpcs" {
  command = plan

  variables {
    zone_id = "Z0123456789EXAMPLE"
    vpc_ids = ["vpc-1"]
  }

  expect_failures = [data.aws_partition.current]
}

run "a_private_zone_with_a_parent" {
  command = plan

  variables {
    zone_name      = "corp.example.com"
    vpc_ids        = ["vpc-1"]
    parent_zone_id = "Z0PARENT"
  }

  expect_failures = [data.aws_partition.current]
}

run "a_name_with_a_dot_at_its_end" {
  command = plan

  variables {
    # zone_id is not set.
    zone_name = "apps.example.com."
  }

  expect_failures = [var.zone_name]
}

run "a_name_in_capital_letters" {
  command = plan

  variables {
    # zone_id is not set.
    zone_name = "Apps.example.com"
  }

  expect_failures = [var.zone_name]
}

run "an_id_with_a_prefix" {
  command = plan

  variables {
    # zone_name is not set.
    zone_id = "/hostedzone/Z0123456789EXAMPLE"
  }

  expect_failures = [var.zone_id]
}

run "a_parent_by_name" {
  command = plan

  variables {
    zone_name      = "apps.example.com"
    parent_zone_id = "example.com"
  }

  expect_failures = [var.parent_zone_id]
}

run "a_path_without_a_slash" {
  command = plan

  variables {
    zone_id   = "Z0123456789EXAMPLE"
    role_path = "/dns"
  }

  expect_failures = [var.role_path]
}
