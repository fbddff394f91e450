// One region: its application, its platform, and its monitoring.
local b = import 'board.libsonnet';

local requests = 'sum by (status) (rate(http_api_requests_total{job="influxdb"}[5m]))';
local notReady = 'count(max by (node) (kube_node_status_condition{condition="Ready",status="true"}) == 0)';
local shares(slo) = {
  '5 min': 'influxdb:' + slo + ':ratio_rate5m',
  '1 h': 'influxdb:' + slo + ':ratio_rate1h',
  '3 d': 'influxdb:' + slo + ':ratio_rate3d',
};
local application = [
  [
    b.lines('InfluxDB: requests a second', { '{{status}}': requests }, 'reqps'),
    b.lines('InfluxDB: share of errors (budget 0.1 %)', shares('errors'), 'percentunit'),
    b.lines('InfluxDB: share slower than 1 s (budget 1 %)', shares('slow'), 'percentunit'),
  ],
  [
    b.lines('InfluxDB: compactions that wait', { '{{pod}}': 'sum by (pod) (storage_compactions_queued{job="influxdb"})' }),
    b.lines('InfluxDB: points written a second', { '{{pod}}': 'sum by (pod) (rate(storage_shard_write_sum{job="influxdb"}[5m]))' }),
  ],
];
local platform = [
  [
    b.lines('Volumes: share that is free', { '{{namespace}}/{{persistentvolumeclaim}}': 'volume:free:ratio' }, 'percentunit'),
    b.lines('Pods: CPUs', { '{{namespace}}': 'sum by (namespace) (rate(pod_cpu_usage_seconds_total[5m]))' }),
    b.lines('Pods: memory', { '{{namespace}}': 'sum by (namespace) (pod_memory_working_set_bytes)' }, 'bytes'),
  ],
  [
    b.lines('Nodes: CPUs', { '{{node}}': 'sum by (node) (rate(node_cpu_usage_seconds_total[5m]))' }),
    b.lines('Nodes: memory', { '{{node}}': 'sum by (node) (node_memory_working_set_bytes)' }, 'bytes'),
    b.numbers('Nodes that are not ready', { '': notReady + ' or vector(0)' }, 'short', 1),
  ],
  [
    b.table('Argo CD', 'max by (name, sync_status, health_status, phase) (argocd_app_info)', ['Value']),
    b.lines('Targets that are down', { '{{job}}': 'count by (job) (up == 0)' }),
    b.table('Alerts that fire', 'ALERTS{alertstate="firing",alertname!="Watchdog"}', ['Value', '__name__']),
  ],
];

function(region)
  b.board('region', 'Region ' + region.name, (if std.member(region.applications, 'influxdb') then application else []) + platform)
