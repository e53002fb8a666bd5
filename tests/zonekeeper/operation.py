"""Carries out one operation with botocore and prints its answer as JSON.

    operation.py URL REGION SERVICE OPERATION PARAMETERS

The parameters are JSON; credentials come from the environment.
"""

import json
import sys

import botocore.session

_, url, region, service, operation, parameters = sys.argv
client = botocore.session.get_session().create_client(service, region_name=region, endpoint_url=url)
print(json.dumps(getattr(client, operation)(**json.loads(parameters)), default=str))
