// Alertmanager: the receivers of alerts. The addresses are in files of a Secret, since they contain keys.
local k = import '../../lib/k.libsonnet';
local pins = import '../../pins/monitoring.json';

local port = 9093;
local mesh = 9094;  // the replicas tell each other their sent notifications here
local receiver(name, extra={}) = { name: name, webhook_configs: [{ url_file: '/etc/receivers/' + name } + extra] };

local config = {
  route: {
    receiver: 'ticket',
    group_by: ['alertname', 'region'],
    group_wait: '30s',
    group_interval: '5m',
    repeat_interval: '12h',
    routes: [
      // The dead man's switch: the receiver raises an alarm when this alert stops.
      { receiver: 'heartbeat', matchers: ['alertname="Watchdog"'], group_wait: '0s', group_interval: '30s', repeat_interval: '1m' },
      { receiver: 'page', matchers: ['severity="critical"'], repeat_interval: '2h' },
    ],
  },
  // A fast burn is a slow burn, too. One notification is enough.
  inhibit_rules: [{
    source_matchers: ['severity="critical"', 'slo=~".+"'],
    target_matchers: ['severity="warning"', 'slo=~".+"'],
    equal: ['region', 'slo'],
  }],
  receivers: [receiver('ticket'), receiver('page'), receiver('heartbeat', { send_resolved: false })],
};

function(region, app, replicas)
  local peers = [
    '--cluster.peer=alertmanager-' + i + '.alertmanager-pods.monitoring.svc:' + mesh
    for i in std.range(0, replicas - 1)
  ];
  local files = { 'alertmanager.yml': std.manifestJsonEx(config, '  ') };
  local container = k.container('alertmanager', pins.alertmanager, '20m', '96Mi') + {
    args: [
      '--config.file=/etc/alertmanager/alertmanager.yml',
      '--storage.path=/alertmanager',
    ] + if replicas > 1 then ['--cluster.listen-address=0.0.0.0:' + mesh] + peers else ['--cluster.listen-address='],
    ports: [{ name: 'http', containerPort: port }],
    readinessProbe: k.probe('/-/ready', { periodSeconds: 5 }),
    livenessProbe: k.probe('/-/healthy', { periodSeconds: 20, failureThreshold: 3 }),
    volumeMounts+: [
      { name: 'data', mountPath: '/alertmanager' },
      { name: 'config', mountPath: '/etc/alertmanager' },
      { name: 'receivers', mountPath: '/etc/receivers', readOnly: true },
    ],
  };
  [
    app.serviceAccount(),
    app.configMap(files),
    app.service({ http: port }),
    // The replicas have to find each other before they are ready.
    app.headless({ http: port }) + { spec+: { publishNotReadyAddresses: true } },
    app.budget(1),
    app.statefulSet(replicas, [container], '1Gi', [
      { name: 'config', configMap: { name: 'alertmanager' } },
      // An operator creates the Secret (docs/operate/monitoring.md, "Receivers"). Without it Alertmanager shows alerts and sends none.
      { name: 'receivers', secret: { secretName: 'receivers', optional: true } },
    ]) + k.knows(files),
    app.open([port], [k.pods('prometheus')]),
    app.out('alertmanager'),
  ] + if replicas == 1 then [] else [
    app.open([mesh], [k.pods('alertmanager')], policyName='alertmanager-mesh'),
    app.out('alertmanager', [mesh], [k.pods('alertmanager')], policyName='alertmanager-mesh-out'),
  ]
