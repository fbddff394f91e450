// The front service: a stateless proxy between clients and InfluxDB that follows the region's feature flags.
local gate = import '../../lib/gate.libsonnet';
local k = import '../../lib/k.libsonnet';
local pins = import '../../pins/front.json';

local name = 'front';
local port = 8080;
local influxdb = 8086;
local flipt = 8080;
local sizes = {
  small: { cpu: '50m', memory: '128Mi', replicas: 2 },
  medium: { cpu: '250m', memory: '256Mi', replicas: 2 },
  large: { cpu: '500m', memory: '256Mi', replicas: 3 },
};

function(region, revision)
  local app = k.app(region, name);
  local size = sizes[region.size];
  local env = {
    FRONT_INFLUXDB: 'http://influxdb.influxdb.svc:%d' % influxdb,
    FRONT_FLAGS: 'http://flipt.flipt.svc:%d' % flipt,
    REGION: region.name,
    WAVE: region.wave,
    TENANT: region.tenant,
  };
  local container = k.container(name, pins.front, size.cpu, size.memory) + {
    args: ['--host=0.0.0.0', '--port=%d' % port],
    ports: [{ name: 'http', containerPort: port }],
    env: [{ name: variable, value: env[variable] } for variable in std.objectFields(env)],
    // Ready after the first request for the flags, with or without an answer: front/service.py.
    readinessProbe: k.probe('/ready', { periodSeconds: 5 }),
    livenessProbe: k.probe('/health', { periodSeconds: 20, failureThreshold: 3 }),
  };
  app.closed() + [
    app.serviceAccount(),
    app.service({ http: port }),
    app.budget(1),
    app.deployment(size.replicas, [container]),
    app.open([port]),
    app.scraped([port]),
    app.out(name, [influxdb], [k.pods('influxdb', 'influxdb')], policyName='front-out-influxdb'),
    app.out(name, [flipt], [k.pods('flipt', 'flipt')], policyName='front-out-flipt'),
  ] + gate(app, region, revision, 'http://%s.front.svc:%d' % [name, port], [port], if std.member(region.applications, 'monitoring') then ['budget'] else [])
