// Feature flags: Flipt, which reads the flags from the branch `flags` of this repository. Its page shows and changes them (docs/operate/flags.md).
local k = import '../../lib/k.libsonnet';
local pins = import '../../pins/flipt.json';

local name = 'flipt';
local port = 8080;
local key = '/etc/flipt/github-app';

// Whether the page commits changes to git. In other regions the page is read-only.
local writes(region) = std.get(region, 'flagsWriter', false);

// docs.flipt.io, v2/configuration.
local config(region) = {
  // Flipt polls git and serves from memory. A restart without git does not serve, so that clients keep their last known values.
  // Clients would take an empty set of flags for the defaults.
  storage: { default: {
    remote: region.repository,
    branch: 'flags',
    poll_interval: std.get(region, 'pollInterval', '3s'),
    fetch_policy: 'strict',
    backend: { type: 'memory' },
  } + (if writes(region) then { credentials: 'github' } else {}) },
  // A tenant's region has its own flags alone.
  environments: { default: { default: true, storage: 'default', directory: region.tenant } },
  meta: { check_for_updates: false, telemetry_enabled: false },
  diagnostics: { profiling: { enabled: false } },
  log: { encoding: 'json' },
} + (if writes(region) then {
  credentials: { github: { type: 'github_app', github_app: {
    client_id: '${env:GITHUB_APP_ID}',
    installation_id: '${env:GITHUB_APP_INSTALLATION_ID}',
    private_key_path: key + '/private-key',
  } } },
} else {});
function(region, revision)
  local app = k.app(region, name);
  local secret(variable, entry) = k.secret(variable, 'github-app', entry);
  local container = k.container(name, pins.flipt, '50m', '128Mi') + {
    ports: [{ name: 'http', containerPort: port }],
    readinessProbe: k.probe('/health', { periodSeconds: 5 }),
    livenessProbe: k.probe('/health', { periodSeconds: 20, failureThreshold: 3 }),
    volumeMounts+: [{ name: 'config', mountPath: '/etc/flipt/config', readOnly: true }] + (
      if writes(region) then [{ name: 'github-app', mountPath: key, readOnly: true }] else []
    ),
    [if writes(region) then 'env']: [secret('GITHUB_APP_ID', 'app'), secret('GITHUB_APP_INSTALLATION_ID', 'installation')],
  };
  local volumes = [{ name: 'config', configMap: { name: name } }] + (
    if writes(region) then [{ name: 'github-app', secret: { secretName: 'github-app' } }] else []
  );
  local files = { 'default.yml': std.manifestYamlDoc(config(region)) };
  app.closed() + [
    app.serviceAccount(),
    app.service({ http: port }),
    app.budget(1),
    app.configMap(files),
    app.deployment(1, [container], volumes) + k.knows(files),
    app.open([port], [app.here, k.pods('front', 'front')]),
    app.out(name),
  ]
