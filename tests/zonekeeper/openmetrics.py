"""Parses metrics on standard input with the reference parser of OpenMetrics, and prints their types and series as JSON."""

import json
import sys

from prometheus_client.openmetrics.parser import text_string_to_metric_families

families = list(text_string_to_metric_families(sys.stdin.read()))
types = {family.name: family.type for family in families}
series = [[sample.name, sorted(sample.labels.items()), sample.value] for family in families for sample in family.samples]
print(json.dumps({"types": types, "series": series}))
