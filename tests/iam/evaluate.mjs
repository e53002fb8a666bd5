// Asks an IAM evaluator which requests a policy allows.
//
// Usage: `node evaluate.mjs FOLDER`. FOLDER holds the evaluator. Standard input is a JSON list of
// `{policy, action, resource, context}`. A request for a role has its trust policy as `trust`, and a `principal` who asks.
// Standard output is a JSON list of booleans, true for an allowed request.
import { createRequire } from 'node:module'

const { runSimulation } = createRequire(`${process.argv[2]}/`)('@cloud-copilot/iam-simulate')
const account = '123456789012'

async function isAllowed({ policy, action, resource, context, trust, principal }) {
  const [, partition = 'aws', , , owner] = resource.split(':')
  const answer = await runSimulation(
    {
      request: {
        principal: principal ?? `arn:${partition}:iam::${account}:role/zonekeeper`,
        action,
        resource: { resource, accountId: owner || account },
        contextVariables: context
      },
      identityPolicies: policy ? [{ name: 'zonekeeper', policy }] : [],
      resourcePolicy: trust,
      serviceControlPolicies: [],
      resourceControlPolicies: []
    },
    {}
  )
  if (answer.resultType !== 'single') {
    throw new Error(`${action} on ${resource}: ${JSON.stringify(answer)}\n${JSON.stringify(policy ?? trust, null, 2)}`)
  }
  return answer.overallResult === 'Allowed'
}

let input = ''
for await (const chunk of process.stdin) input += chunk
const verdicts = []
for (const question of JSON.parse(input)) verdicts.push(await isAllowed(question))
process.stdout.write(JSON.stringify(verdicts))
