// The monitoring of the monitoring: whether alerts would arrive.
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
        'This alert fires always. Its receiver raises an alarm when it stops.',
      ),
      alert.page(
        'MetricsSilent',
        std.join(' or ', [silent(name) for name in names]),
        '15m',
        'A part of the region has no metrics',
        'No target of the job {{ $labels.job }} has been up for 15 minutes. Alerts on its metrics cannot fire.',
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
        '{{ $labels.pod }} fails on rules of {{ $labels.rule_group }}. Their alerts cannot fire.',
      ),
      alert.page(
        'AlertsDropped',
        'sum by (pod) (increase(prometheus_notifications_dropped_total[15m])) > 0',
        '10m',
        'Prometheus cannot send its alerts to Alertmanager',
        '{{ $labels.pod }} has dropped alerts for ten minutes.',
      ),
      alert.page(
        'NotificationsFailing',
        'sum by (pod, integration) (increase(alertmanager_notifications_failed_total[15m])) > 0',
        '10m',
        'Alertmanager cannot send its messages',
        '{{ $labels.pod }} could not send some messages ({{ $labels.integration }}). Check the Secret `receivers`.',
      ),
    ],
  }]
