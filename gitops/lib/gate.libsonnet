// An application's gate: after each sync a Workflow runs gate tests in the region (gates/). If the Workflow fails, the sync fails.
local k = import 'k.libsonnet';
local pins = import '../pins/gates.json';

local name = 'gate';
local fast = ['release', 'workloads', 'endpoints'];
local full = fast + ['disruption', 'latency', 'metrics'];

// Seconds. The metric gate counts the front's failures since the release, for at least `watch`. `scrapes` is the time of three scrapes.
local watch = 60;
local scrapes = 90;
local prometheus = 9090;

// Seconds: the time for the checks, and the time for the Workflow with the pull of its image.
// External runs all checks too, and posts their result. waves.yaml says that no wave waits for it.
local gates = {
  staging: { checks: fast, timeout: 20, deadline: 180 },
  internal: { checks: full, timeout: 60, deadline: 300 },
  external: self.internal,
};
local readRule(group, resources, verbs=['list']) = { apiGroups: [group], resources: resources, verbs: verbs };

// url, ports: the application's address inside of the cluster. more: further checks for this application, in waves that run all.
function(app, region, revision, url, ports, more=[])
  local gate = std.get(gates, region.wave, gates.external);
  local checks = gate.checks + (if gate.checks == fast then [] else more);
  local counts = std.member(checks, 'budget');
  local longer = if counts then watch + scrapes else 0;
  local metadata = app.metadata(name);
  app.account(name, [
    readRule('', ['configmaps'], ['get']) + { resourceNames: ['release'] },
    readRule('', ['pods', 'persistentvolumeclaims']),
    readRule('apps', ['statefulsets', 'deployments']),
    readRule('policy', ['poddisruptionbudgets']),
    // A step reports to the workflow controller with this right: argo-workflows.readthedocs.io, workflow-rbac.
    readRule('argoproj.io', ['workflowtaskresults'], ['create', 'patch']),
  ]) + [
    app.out(name),
    app.out(name, ports, policyName=name + '-asks'),
  ] + (if counts then [
    app.out(name, [prometheus], [k.pods('prometheus', 'monitoring')], policyName=name + '-counts'),
  ] else []) + [
    {
      apiVersion: 'argoproj.io/v1alpha1',
      kind: 'Workflow',
      // One name, so that the next sync's Workflow replaces this one. A failed one stays until then.
      metadata: metadata {
        annotations: {
          'argocd.argoproj.io/hook': 'PostSync',
          'argocd.argoproj.io/hook-delete-policy': 'BeforeHookCreation',
        },
      },
      spec: {
        entrypoint: name,
        serviceAccountName: name,
        activeDeadlineSeconds: gate.deadline + longer,
        ttlStrategy: { secondsAfterSuccess: 24 * 3600 },
        podGC: { strategy: 'OnWorkflowSuccess' },
        // One pod runs all checks concurrently. The start of a second pod would take longer than the checks.
        templates: [{
          name: name,
          metadata: { labels: metadata.labels },
          container: {
            image: pins.gates,
            command: ['python', '-m', 'gates'],
            args: checks + [
              '--namespace=' + metadata.namespace,
              '--commit=' + revision,
              '--url=' + url,
              '--timeout=%d' % (gate.timeout + longer),
            ] + (if counts then ['--prometheus=http://prometheus.monitoring.svc:' + prometheus, '--watch=' + watch] else []),
            resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '256Mi' } },
          },
        }],
      },
    },
  ]
