// Whether anybody would hear of it: the watchers watched.
local jobs = import '../jobs.libsonnet';
local alerts = import 'alert.libsonnet';

// InfluxDB and the conductor have alerts of their own for silence.
local elsewhere = ['influxdb', 'conductor'];
local silent(job) = 'label_replace(absent(up{job="' + job + '"} == 1), "job", "' + job + '", "", "")';

function(region)
  local alert = alerts(region, 'alerts-monitoring');
  local names = [name for name in jobs(region).names if !std.member(elsewhere, name)];
  [{
    name: 'monitoring',
    rules: [
      alert.heartbeat(
        'Watchdog',
        'vector(1)',
        '0m',
        'Alerts of this region arrive',
        'It fires always. Whoever gets it raises an alarm when it stays away.',
      ),
      alert.page(
        'MetricsSilent',
        std.join(' or ', [silent(name) for name in names]),
        '15m',
        'Nothing is known any more of a part of the region',
        'Not one target of the job {{ $labels.job }} has been up for 15 minutes: alerts on its metrics cannot fire.',
      ),
      alert.ticket(
        'TargetsDown',
        'count by (job) (up == 0) / count by (job) (up) > 0.1',
        '15m',
        'A part of the targets cannot be scraped',
        'More than a tenth of the targets of the job {{ $labels.job }} are down.',
      ),
      alert.page(
        'RulesFailing',
        'sum by (pod, rule_group) (increase(prometheus_rule_evaluation_failures_total[15m])) > 0',
        '5m',
        'Prometheus cannot evaluate some rules',
        '{{ $labels.pod }} fails on rules of {{ $labels.rule_group }}: their alerts cannot fire.',
      ),
      alert.page(
        'AlertsDropped',
        'sum by (pod) (increase(prometheus_notifications_dropped_total[15m])) > 0',
        '10m',
        'Prometheus does not get its alerts to Alertmanager',
        '{{ $labels.pod }} has dropped alerts for ten minutes.',
      ),
      alert.page(
        'NotificationsFailing',
        'sum by (pod, integration) (increase(alertmanager_notifications_failed_total[15m])) > 0',
        '10m',
        'Alertmanager does not get its messages out',
        '{{ $labels.pod }} could not send some messages ({{ $labels.integration }}): is the Secret `receivers` right?',
      ),
    ],
  }]
