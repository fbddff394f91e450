// Grafana: the dashboards of dashboards/. It has no users and stores nothing. People with the right to forward a port may look, and
// changes come by a commit alone.
local k = import '../../lib/k.libsonnet';
local pins = import '../../pins/monitoring.json';
local dashboards = import 'dashboards/main.libsonnet';

local port = 3000;
local environment = {
  GF_AUTH_ANONYMOUS_ENABLED: 'true',
  GF_AUTH_ANONYMOUS_ORG_ROLE: 'Viewer',
  GF_AUTH_BASIC_ENABLED: 'false',
  GF_AUTH_DISABLE_LOGIN_FORM: 'true',
  GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION: 'true',
  GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH: '/etc/dashboards/region.json',
  // Grafana sends no request to the internet: the network policies would block it.
  GF_ANALYTICS_REPORTING_ENABLED: 'false',
  GF_ANALYTICS_CHECK_FOR_UPDATES: 'false',
  GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES: 'false',
  GF_NEWS_NEWS_FEED_ENABLED: 'false',
  GF_PLUGINS_PREINSTALL_DISABLED: 'true',
};
local provisioning = {
  'datasources.yaml': std.manifestJsonEx({
    apiVersion: 1,
    datasources: [{
      name: 'Prometheus',
      uid: 'prometheus',
      type: 'prometheus',
      access: 'proxy',
      url: 'http://prometheus.monitoring.svc:9090',
      isDefault: true,
      editable: false,
    }],
  }, '  '),
  'dashboards.yaml': std.manifestJsonEx({
    apiVersion: 1,
    providers: [{ name: 'git', type: 'file', allowUiUpdates: false, options: { path: '/etc/dashboards' } }],
  }, '  '),
};

function(region, app)
  local boards = dashboards(region);
  local files = { [name + '.json']: std.manifestJsonEx(boards[name], '  ') for name in std.objectFields(boards) };
  local container = k.container('grafana', pins.grafana, '50m', '256Mi') + {
    env: [{ name: name, value: environment[name] } for name in std.objectFields(environment)],
    ports: [{ name: 'http', containerPort: port }],
    startupProbe: k.probe('/api/health', { periodSeconds: 5, failureThreshold: 60 }),
    readinessProbe: k.probe('/api/health', { periodSeconds: 5 }),
    livenessProbe: k.probe('/api/health', { periodSeconds: 20, failureThreshold: 3 }),
    volumeMounts+: [
      { name: 'scratch', mountPath: '/var/lib/grafana' },
      { name: 'dashboards', mountPath: '/etc/dashboards' },
    ] + [
      { name: 'provisioning', mountPath: '/etc/grafana/provisioning/' + kind + '/' + kind + '.yaml', subPath: kind + '.yaml' }
      for kind in ['datasources', 'dashboards']
    ],
  };
  [
    app.serviceAccount(),
    app.configMap(provisioning),
    app.configMap(files, 'dashboards'),
    app.service({ http: port }),
    app.deployment(1, [container], [
      { name: 'provisioning', configMap: { name: 'grafana' } },
      { name: 'dashboards', configMap: { name: 'dashboards' } },
    ]) + k.knows(provisioning + files),
    app.out('grafana', [9090], [k.pods('prometheus')]),
  ]
