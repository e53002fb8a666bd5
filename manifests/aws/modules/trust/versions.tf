terraform {
  required_version = ">= 1.5"

  required_providers {
    aws = {
      source = "hashicorp/aws"
      # The first version with target_role_arn of aws_eks_pod_identity_association.
      version = ">= 6.2"
    }
  }
}
