// InfluxDB: its errors, its latency and its storage. Objectives over 30 days: docs/operate/monitoring.md.
local alerts = import 'alert.libsonnet';

// Requests of clients, without probes and Prometheus.
local requests = 'job="influxdb",path!~"/health|/ready|/metrics|/debug/.*"';
local rate(metric, matchers, window) = 'sum(rate(' + metric + '{' + matchers + '}[' + window + ']))';

local objectives = {
  errors: {
    name: 'Errors',
    budget: '0.001',
    symptom: 'answers with an error of its own',
    ratio(window):: rate('http_api_requests_total', requests + ',status="5XX"', window)
                    + ' / ' + rate('http_api_requests_total', requests, window),
  },
  slow: {
    name: 'Latency',
    budget: '0.01',
    symptom: 'takes more than a second to answer',
    // Prometheus 3 writes the bound as 1.0. Older versions write the exporter's own text: 1.
    ratio(window):: '1 - ' + rate('http_api_request_duration_seconds_bucket', requests + ',le=~"1|1.0"', window)
                    + ' / ' + rate('http_api_request_duration_seconds_count', requests, window),
  },
};

// How fast a budget may burn, over two windows: the long one shows that it matters, the short one that it continues.
// Source: Google, The Site Reliability Workbook, "Alerting on SLOs", multiwindow, multi-burn-rate alerts.
local burns = [
  { name: 'Fast', times: '14.4', long: '1h', short: '5m', pending: '2m', page: true, lasts: 'two days' },
  { name: 'Steady', times: '6', long: '6h', short: '30m', pending: '15m', page: true, lasts: 'five days' },
  { name: 'Slow', times: '1', long: '3d', short: '6h', pending: '1h', page: false, lasts: 'a month' },
];
local windows = std.set([burn.long for burn in burns] + [burn.short for burn in burns]);
local record(slo, window) = 'influxdb:' + slo + ':ratio_rate' + window;

function(region)
  local alert = alerts(region, 'alerts-application');
  local burning(slo, burn) =
    local limit = ' > (' + burn.times + ' * ' + objectives[slo].budget + ')';
    (if burn.page then alert.page else alert.ticket)(
      'InfluxDB' + objectives[slo].name + 'Burn' + burn.name,
      record(slo, burn.long) + limit + ' and ' + record(slo, burn.short) + limit,
      burn.pending,
      'InfluxDB ' + objectives[slo].symptom,
      'At the rate of the last ' + burn.long + ' the budget of 30 days lasts ' + burn.lasts + '.',
      { slo: slo },
    );
  [
    {
      name: 'influxdb-objectives',
      rules: [
        { record: record(slo, window), expr: objectives[slo].ratio(window) }
        for slo in std.objectFields(objectives)
        for window in windows
      ],
    },
    {
      name: 'influxdb',
      rules: [
        alert.page(
          'InfluxDBDown',
          'absent(up{job="influxdb"} == 1)',
          '5m',
          'InfluxDB does not answer',
          'Prometheus could scrape no InfluxDB of the region for five minutes.',
        ),
      ] + [burning(slo, burn) for slo in std.objectFields(objectives) for burn in burns] + [
        alert.ticket(
          'InfluxDBCompactionsBehind',
          'min_over_time((sum by (pod) (storage_compactions_queued{job="influxdb"}))[1h:1m]) > 10',
          '30m',
          'InfluxDB does not keep up with its compactions',
          '{{ $labels.pod }} has had more than ten compactions waiting for over an hour. Reads get slower, and the volume fills.',
        ),
        alert.ticket(
          'InfluxDBCompactionsFailing',
          'sum by (pod) (increase(storage_compactions_failed{job="influxdb"}[1h])) > 0',
          '10m',
          'InfluxDB cannot compact its files',
          'Compactions of {{ $labels.pod }} have failed within the last hour.',
        ),
        alert.ticket(
          'InfluxDBBackupOld',
          // A task that never succeeded counts from its creation. A suspended task, as in a suspended region, does not count.
          'time() - max by (namespace, cronjob) (kube_cronjob_status_last_successful_time or kube_cronjob_created) > 129600'
          + ' unless on (namespace, cronjob) kube_cronjob_spec_suspend == 1',
          '1h',
          "There is no fresh copy of InfluxDB's data",
          'The task {{ $labels.namespace }}/{{ $labels.cronjob }} has not succeeded for a day and a half.',
        ),
      ],
    },
  ]
