// InfluxDB 2: one stateful replica behind a service. The data is on a volume of the region's encrypted SSD class. A nightly task copies
// the data to a second volume.
local gate = import '../../lib/gate.libsonnet';
local k = import '../../lib/k.libsonnet';
local pins = import '../../pins/influxdb.json';

local name = 'influxdb';
local port = 8086;
local home = '/home/influxdb';
local backups = '/var/lib/backup';
local copies = 2;
local sizes = {
  small: { cpu: '250m', memory: '512Mi', disk: '10Gi', backup: '30Gi' },
  medium: { cpu: '1', memory: '4Gi', disk: '100Gi', backup: '300Gi' },
  large: { cpu: '2', memory: '8Gi', disk: '500Gi', backup: '1500Gi' },
};

// The first password and the operator token, which `pulumi up` makes for this region alone (components/shared/secrets.py).
local secret(variable, key) = k.secret(variable, 'admin', key);
// The first start sets up an empty database. Later starts leave it unchanged: hub.docker.com, influxdb, "Automated setup".
local setup = { MODE: 'setup', USERNAME: 'admin', ORG: 'regions', BUCKET: 'default' };
local env = [
  { name: 'INFLUXD_BOLT_PATH', value: '/var/lib/influxdb2/influxd.bolt' },
  { name: 'INFLUXD_ENGINE_PATH', value: '/var/lib/influxdb2/engine' },
  { name: 'INFLUX_CONFIGS_PATH', value: home + '/influx-configs' },
] + [{ name: 'DOCKER_INFLUXDB_INIT_' + key, value: setup[key] } for key in std.objectFields(setup)] + [
  secret('DOCKER_INFLUXDB_INIT_PASSWORD', 'password'),
  secret('DOCKER_INFLUXDB_INIT_ADMIN_TOKEN', 'token'),
];
// A copy counts once it is complete. Then the task deletes the oldest copies. The volume has room for one more than it keeps.
local backup = |||
  set -eu
  new=%(backups)s/$(date -u +%%Y-%%m-%%dT%%H-%%M-%%SZ)
  rm -rf %(backups)s/unfinished
  influx backup %(backups)s/unfinished
  mv %(backups)s/unfinished "$new"
  ls -1d %(backups)s/2* | head -n -%(copies)d | xargs -r rm -rf
||| % { backups: backups, copies: copies };

function(region, revision)
  local app = k.app(region, name);
  local size = sizes[region.size];
  local scratch = { name: 'scratch', mountPath: home };
  local copied = { name: 'backup', mountPath: backups };
  local container = k.container(name, pins.influxdb, size.cpu, size.memory) + {
    args: ['influxd', '--reporting-disabled'],
    ports: [{ name: 'http', containerPort: port }],
    env: env,
    // /ready answers once the engine is open, /health while the process serves: docs.influxdata.com, influxdb/v2/api.
    startupProbe: k.probe('/health', { periodSeconds: 5, failureThreshold: 60 }),
    readinessProbe: k.probe('/ready', { periodSeconds: 5 }),
    livenessProbe: k.probe('/health', { periodSeconds: 20, failureThreshold: 3 }),
    // The copies' volume is mounted here, so that it is on the data's node. A pod on that node can mount it and restore from it.
    volumeMounts+: [{ name: 'data', mountPath: '/var/lib/influxdb2' }, copied, scratch],
  };
  local nightly = k.container('backup', pins.influxdb, '100m', '256Mi') + {
    command: ['sh', '-c', backup],
    env: [
      { name: 'HOME', value: home },
      { name: 'INFLUX_HOST', value: 'http://influxdb.influxdb.svc:%d' % port },
      secret('INFLUX_TOKEN', 'token'),
    ],
    volumeMounts+: [copied, scratch],
  };
  local volumes = [{ name: 'backup', persistentVolumeClaim: { claimName: 'backup' } }];
  app.closed() + [
    app.serviceAccount(),
    app.service({ http: port }),
    app.headless({ http: port }),
    // A drain moves the one replica, with a gap of a minute: a budget of none would stop each upgrade of nodes. EKS gives up after 15
    // minutes, AKS after 30, GKE evicts by force after an hour.
    app.budget(1),
    app.claim('backup', size.backup),
    app.statefulSet(1, [container], size.disk, volumes) + {
      // The autoscaler, which only saves money, leaves the pod in its place.
      spec+: { template+: { metadata+: { annotations+: { 'cluster-autoscaler.kubernetes.io/safe-to-evict': 'false' } } } },
    },
    app.cronJob('backup', '17 3 * * *', nightly, volumes),
    app.open([port], [app.here, k.pods('front', 'front')]),
    app.scraped([port]),
    app.out('backup', [port]),
  ] + gate(app, region, revision, 'http://%s.influxdb.svc:%d' % [name, port], [port], ['volumes'])
