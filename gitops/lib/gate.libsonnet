// An application's gate: after each sync a Workflow looks whether the region is well (gates/). Its verdict is the sync's.
local k = import 'k.libsonnet';
local pins = import '../pins/gates.json';

local name = 'gate';
local fast = ['release', 'workloads', 'endpoints'];
local battery = fast + ['disruption', 'latency', 'metrics'];

// The metric gate: how the front does since the release. It wants to have watched it for some seconds, and Prometheus looks every 30.
local watch = 60;
local looks = 90;
local prometheus = 9090;

// Seconds: how long the checks may try, and how long the Workflow may take with the pull of its image.
// External's battery runs too, and its verdict is posted; that it gates nothing is said in waves.yaml.
local gates = {
  staging: { checks: fast, timeout: 20, deadline: 180 },
  internal: { checks: battery, timeout: 60, deadline: 300 },
  external: self.internal,
};
local look(group, resources, verbs=['list']) = { apiGroups: [group], resources: resources, verbs: verbs };

// url, ports: where the application answers inside of the cluster. more: checks of the battery that are for this application.
function(app, region, revision, url, ports, more=[])
  local gate = std.get(gates, region.wave, gates.external);
  local checks = gate.checks + (if gate.checks == fast then [] else more);
  local counts = std.member(checks, 'budget');
  local longer = if counts then watch + looks else 0;
  local metadata = app.metadata(name);
  app.account(name, [
    look('', ['configmaps'], ['get']) + { resourceNames: ['release'] },
    look('', ['pods', 'persistentvolumeclaims']),
    look('apps', ['statefulsets', 'deployments']),
    look('policy', ['poddisruptionbudgets']),
    // How a step reports to the workflow controller: argo-workflows.readthedocs.io, workflow-rbac.
    look('argoproj.io', ['workflowtaskresults'], ['create', 'patch']),
  ]) + [
    app.out(name),
    app.out(name, ports, called=name + '-asks'),
  ] + (if counts then [
    app.out(name, [prometheus], [k.pods('prometheus', 'monitoring')], called=name + '-counts'),
  ] else []) + [
    {
      apiVersion: 'argoproj.io/v1alpha1',
      kind: 'Workflow',
      // One name, so that the next sync's takes the place of this one, and a failed one stays until then.
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
        // One pod runs all checks at once: a second one would take longer to start than they do.
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
