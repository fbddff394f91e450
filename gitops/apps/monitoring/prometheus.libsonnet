// Prometheus: scrapes the region's targets, keeps the series for two weeks, and sends its rules' alerts to Alertmanager.
local k = import '../../lib/k.libsonnet';
local pins = import '../../pins/monitoring.json';
local jobs = import 'jobs.libsonnet';
local rules = import 'rules/main.libsonnet';

local port = 9090;
// memory: Prometheus needs a few KiB for each series in the head. A node has about a thousand series, and a pod about thirty.
local sizes = {
  small: { cpu: '100m', memory: '512Mi', disk: '10Gi', retentionSize: '8GB' },
  medium: { cpu: '250m', memory: '2Gi', disk: '50Gi', retentionSize: '40GB' },
  large: { cpu: '500m', memory: '6Gi', disk: '200Gi', retentionSize: '160GB' },
};

function(region, app, replicas)
  local size = sizes[region.size];
  local scraped = jobs(region);
  local files = {
    'prometheus.yml': std.manifestJsonEx({
      global: {
        scrape_interval: '30s',
        evaluation_interval: '30s',
        external_labels: { region: region.name, wave: region.wave, cloud: region.cloud, tenant: region.tenant },
      },
      rule_files: ['/etc/prometheus/rules.yml'],
      alerting: { alertmanagers: [{
        dns_sd_configs: [{ names: ['alertmanager-pods.' + scraped.namespace + '.svc'], type: 'A', port: 9093 }],
      }] },
      scrape_configs: scraped.configs,
    }, '  '),
    'rules.yml': std.manifestJsonEx({ groups: rules(region) }, '  '),
  };
  local container = k.container('prometheus', pins.prometheus, size.cpu, size.memory) + {
    args: [
      '--config.file=/etc/prometheus/prometheus.yml',
      '--storage.tsdb.path=/prometheus',
      '--storage.tsdb.retention.time=15d',
      // Before the volume is full: Prometheus does not count its write-ahead log.
      '--storage.tsdb.retention.size=' + size.retentionSize,
    ],
    ports: [{ name: 'http', containerPort: port }],
    // After a start Prometheus first replays its write-ahead log.
    startupProbe: k.probe('/-/ready', { periodSeconds: 5, failureThreshold: 120 }),
    readinessProbe: k.probe('/-/ready', { periodSeconds: 5 }),
    livenessProbe: k.probe('/-/healthy', { periodSeconds: 20, failureThreshold: 3 }),
    volumeMounts+: [
      { name: 'data', mountPath: '/prometheus' },
      { name: 'config', mountPath: '/etc/prometheus' },
    ],
  };
  [
    // components/argo/monitoring_rbac.py grants its rights in the cluster.
    app.serviceAccount(asks=true),
    app.configMap(files),
    app.service({ http: port }),
    app.headless({ http: port }),
    app.budget(1),
    app.statefulSet(replicas, [container], size.disk, [{ name: 'config', configMap: { name: 'prometheus' } }])
    + k.knows(files) + k.asks,
    // The front's gate queries Prometheus: lib/gate.libsonnet.
    app.open([port], [k.pods('grafana'), k.pods('prometheus'), k.pods('gate', 'front')]),
    app.out('prometheus'),
    app.out('prometheus', scraped.ports, [{ namespaceSelector: {} }], policyName='prometheus-scrapes'),
    // Nodes are no pods that a policy could name.
    app.out('prometheus', [scraped.kubelet], null, policyName='prometheus-scrapes-kubelets'),
  ]
