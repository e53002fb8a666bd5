// A provider hashicorp/aws that has only schemas, so that OpenTofu can validate and test manifests/aws without AWS.
//
// `tofu test` mocks the provider: OpenTofu computes values from the configuration and from the schemas, and asks the
// provider for nothing else. The schemas have the types that the module uses, with the arguments and attributes that it
// uses. They were checked with the schema of version 6.62 of the real provider.
package main

import (
	"context"
	"log"

	"github.com/hashicorp/terraform-plugin-go/tfprotov5"
	"github.com/hashicorp/terraform-plugin-go/tfprotov5/tf5server"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

type attributes map[string]tftypes.Type

// A resource or data source: what a configuration must set, what it may set, and what it can only read.
type kind struct {
	required, optional, computed attributes
	blocks                       []*tfprotov5.SchemaNestedBlock
}

var (
	text  = tftypes.String
	texts = tftypes.Set{ElementType: text}
	list  = tftypes.List{ElementType: text}
	tags  = tftypes.Map{ElementType: text}
)

var resources = map[string]kind{
	"aws_route53_zone": {
		required: attributes{"name": text},
		optional: attributes{"comment": text, "tags": tags},
		computed: attributes{"arn": text, "zone_id": text, "name_servers": list},
		blocks: []*tfprotov5.SchemaNestedBlock{{
			TypeName: "vpc",
			Nesting:  tfprotov5.SchemaNestedBlockNestingModeSet,
			Block:    kind{required: attributes{"vpc_id": text}, optional: attributes{"vpc_region": text}}.block(),
		}},
	},
	"aws_route53_record": {
		required: attributes{"name": text, "type": text, "zone_id": text},
		optional: attributes{"records": texts, "ttl": tftypes.Number},
		computed: attributes{"fqdn": text},
	},
	"aws_iam_role": {
		required: attributes{"assume_role_policy": text},
		optional: attributes{"name": text, "path": text, "description": text, "permissions_boundary": text, "tags": tags},
		computed: attributes{"arn": text},
	},
	"aws_iam_role_policy": {
		required: attributes{"role": text, "policy": text},
		optional: attributes{"name": text},
	},
	"aws_iam_openid_connect_provider": {
		required: attributes{"url": text, "client_id_list": texts},
		optional: attributes{"thumbprint_list": list, "tags": tags},
		computed: attributes{"arn": text},
	},
	"aws_eks_pod_identity_association": {
		required: attributes{"cluster_name": text, "namespace": text, "service_account": text, "role_arn": text},
		optional: attributes{"region": text, "target_role_arn": text, "disable_session_tags": tftypes.Bool, "tags": tags},
		computed: attributes{"association_id": text, "external_id": text},
	},
}

var dataSources = map[string]kind{
	"aws_partition":       {computed: attributes{"partition": text}},
	"aws_caller_identity": {computed: attributes{"account_id": text}},
	"aws_region":          {optional: attributes{"region": text}},
	"aws_route53_zone":    {optional: attributes{"zone_id": text, "name": text}},
	"aws_eks_cluster": {
		required: attributes{"name": text},
		computed: attributes{"arn": text, "identity": objects("oidc", objects("issuer", text))},
	},
}

// A list of objects with one attribute.
func objects(name string, of tftypes.Type) tftypes.Type {
	return tftypes.List{ElementType: tftypes.Object{AttributeTypes: map[string]tftypes.Type{name: of}}}
}

func (kind kind) block() *tfprotov5.SchemaBlock {
	block := &tfprotov5.SchemaBlock{BlockTypes: kind.blocks}
	add := func(attributes attributes, like tfprotov5.SchemaAttribute) {
		for name, of := range attributes {
			attribute := like
			attribute.Name, attribute.Type = name, of
			block.Attributes = append(block.Attributes, &attribute)
		}
	}
	add(kind.required, tfprotov5.SchemaAttribute{Required: true})
	add(kind.optional, tfprotov5.SchemaAttribute{Optional: true, Computed: true})
	add(kind.computed, tfprotov5.SchemaAttribute{Computed: true})
	return block
}

func schemas(kinds map[string]kind) map[string]*tfprotov5.Schema {
	schemas := map[string]*tfprotov5.Schema{}
	for name, kind := range kinds {
		schemas[name] = &tfprotov5.Schema{Block: kind.block()}
	}
	return schemas
}

// The embedded interface is nil: any other call ends the provider with a panic.
type provider struct{ tfprotov5.ProviderServer }

func (provider) GetProviderSchema(context.Context, *tfprotov5.GetProviderSchemaRequest) (*tfprotov5.GetProviderSchemaResponse, error) {
	settings := kind{optional: attributes{"region": text, "profile": text}}
	return &tfprotov5.GetProviderSchemaResponse{
		Provider:          &tfprotov5.Schema{Block: settings.block()},
		ResourceSchemas:   schemas(resources),
		DataSourceSchemas: schemas(dataSources),
	}, nil
}

func (provider) GetResourceIdentitySchemas(context.Context, *tfprotov5.GetResourceIdentitySchemasRequest) (*tfprotov5.GetResourceIdentitySchemasResponse, error) {
	return &tfprotov5.GetResourceIdentitySchemasResponse{}, nil
}

func (provider) PrepareProviderConfig(_ context.Context, request *tfprotov5.PrepareProviderConfigRequest) (*tfprotov5.PrepareProviderConfigResponse, error) {
	return &tfprotov5.PrepareProviderConfigResponse{PreparedConfig: request.Config}, nil
}

func (provider) ValidateResourceTypeConfig(context.Context, *tfprotov5.ValidateResourceTypeConfigRequest) (*tfprotov5.ValidateResourceTypeConfigResponse, error) {
	return &tfprotov5.ValidateResourceTypeConfigResponse{}, nil
}

func (provider) ValidateDataSourceConfig(context.Context, *tfprotov5.ValidateDataSourceConfigRequest) (*tfprotov5.ValidateDataSourceConfigResponse, error) {
	return &tfprotov5.ValidateDataSourceConfigResponse{}, nil
}

func (provider) StopProvider(context.Context, *tfprotov5.StopProviderRequest) (*tfprotov5.StopProviderResponse, error) {
	return &tfprotov5.StopProviderResponse{}, nil
}

func main() {
	serve := func() tfprotov5.ProviderServer { return provider{} }
	if err := tf5server.Serve("registry.opentofu.org/hashicorp/aws", serve); err != nil {
		log.Fatal(err)
	}
}
