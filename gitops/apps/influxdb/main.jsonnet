// InfluxDB 2: one stateful replica behind a service. Its data is on a volume of the region's encrypted SSD class.
local gate = import '../../lib/gate.libsonnet';
local k = import '../../lib/k.libsonnet';
local pins = import '../../pins/influxdb.json';

local name = 'influxdb';
local port = 8086;
local sizes = {
  small: { cpu: '250m', memory: '512Mi', disk: '10Gi' },
  medium: { cpu: '1', memory: '4Gi', disk: '100Gi' },
  large: { cpu: '2', memory: '8Gi', disk: '500Gi' },
};

function(region, revision)
  local app = k.app(region, name);
  local size = sizes[region.size];
  local container = k.container(name, pins.influxdb, size.cpu, size.memory) + {
    args: ['influxd', '--reporting-disabled'],
    ports: [{ name: 'http', containerPort: port }],
    env: [
      { name: 'INFLUXD_BOLT_PATH', value: '/var/lib/influxdb2/influxd.bolt' },
      { name: 'INFLUXD_ENGINE_PATH', value: '/var/lib/influxdb2/engine' },
    ],
    // /ready answers once the engine is open, /health while the process serves: docs.influxdata.com, influxdb/v2/api.
    startupProbe: k.probe('/health', { periodSeconds: 5, failureThreshold: 60 }),
    readinessProbe: k.probe('/ready', { periodSeconds: 5 }),
    livenessProbe: k.probe('/health', { periodSeconds: 20, failureThreshold: 3 }),
    volumeMounts+: [
      { name: 'data', mountPath: '/var/lib/influxdb2' },
      { name: 'scratch', mountPath: '/home/influxdb' },
    ],
  };
  app.closed() + [
    app.serviceAccount(),
    app.service({ http: port }),
    app.headless({ http: port }),
    // One replica that may not be evicted: a drained node waits until somebody moves it on purpose.
    app.budget(0),
    app.statefulSet(1, [container], size.disk),
    app.open([port]),
    app.scraped([port]),
  ] + gate(app, region, revision, 'http://%s.influxdb.svc:%d' % [name, port], [port])
