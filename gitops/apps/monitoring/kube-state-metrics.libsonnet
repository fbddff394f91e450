// kube-state-metrics: the cluster's objects as metrics. It has no right to read secrets and config maps.
local k = import '../../lib/k.libsonnet';
local pins = import '../../pins/monitoring.json';

local port = 8080;
local resources = ['cronjobs', 'daemonsets', 'deployments', 'nodes', 'persistentvolumeclaims', 'pods', 'statefulsets'];

function(app)
  local container = k.container('kube-state-metrics', pins['kube-state-metrics'], '20m', '128Mi') + {
    args: ['--port=' + port, '--resources=' + std.join(',', resources)],
    ports: [{ name: 'http', containerPort: port }],
    readinessProbe: k.probe('/healthz', { periodSeconds: 5 }),
    livenessProbe: k.probe('/livez', { periodSeconds: 20, failureThreshold: 3 }),
  };
  [
    // components/argo/monitoring_rbac.py grants its rights in the cluster.
    app.serviceAccount(asks=true),
    app.deployment(1, [container]) + k.asks,
    app.open([port], [k.pods('prometheus')]),
    app.out('kube-state-metrics'),
  ]
