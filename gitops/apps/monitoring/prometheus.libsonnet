// Prometheus: scrapes what runs in the region, keeps it for two weeks, and gives what its rules find to Alertmanager.
local k = import '../../lib/k.libsonnet';
local pins = import '../../pins/monitoring.json';
local jobs = import 'jobs.libsonnet';
local rules = import 'rules/main.libsonnet';

local port = 9090;
// memory: Prometheus takes a few KiB for each series in the head; a node has about a thousand, and a pod about thirty.
local sizes = {
  small: { cpu: '100m', memory: '512Mi', disk: '10Gi', kept: '8GB' },
  medium: { cpu: '250m', memory: '2Gi', disk: '50Gi', kept: '40GB' },
  large: { cpu: '500m', memory: '6Gi', disk: '200Gi', kept: '160GB' },
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
      '--storage.tsdb.retention.size=' + size.kept,
    ],
    ports: [{ name: 'http', containerPort: port }],
    // After a start it first reads its write-ahead log again.
    startupProbe: k.probe('/-/ready', { periodSeconds: 5, failureThreshold: 120 }),
    readinessProbe: k.probe('/-/ready', { periodSeconds: 5 }),
    livenessProbe: k.probe('/-/healthy', { periodSeconds: 20, failureThreshold: 3 }),
    volumeMounts+: [
      { name: 'data', mountPath: '/prometheus' },
      { name: 'config', mountPath: '/etc/prometheus' },
    ],
  };
  [
    // What it may ask the cluster for is said in components/argo/monitoring_rbac.py.
    app.serviceAccount(asks=true),
    app.configMap(files),
    app.service({ http: port }),
    app.headless({ http: port }),
    app.budget(1),
    app.statefulSet(replicas, [container], size.disk, [{ name: 'config', configMap: { name: 'prometheus' } }])
    + k.knows(files) + k.asks,
    // The front's gate asks how it does: lib/gate.libsonnet.
    app.open([port], [k.pods('grafana'), k.pods('prometheus'), k.pods('gate', 'front')]),
    app.out('prometheus'),
    app.out('prometheus', scraped.ports, [{ namespaceSelector: {} }], called='prometheus-scrapes'),
    // Nodes are no pods that a policy could name.
    app.out('prometheus', [scraped.kubelet], null, called='prometheus-scrapes-kubelets'),
  ]
