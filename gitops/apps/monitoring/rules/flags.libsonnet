// The front's feature flags: whether the front still gets their values.
local alerts = import 'alert.libsonnet';

function(region)
  local alert = alerts(region, 'alerts-application');
  [{
    name: 'flags',
    rules: [
      alert.ticket(
        'FlagsStale',
        'time() - max by (pod) (front_flags_last_answer_timestamp_seconds{job="front"}) > 300',
        '10m',
        'Feature flags cannot be changed',
        '{{ $labels.pod }} has had no answer from the flag service for more than five minutes. It follows the last one.',
      ),
    ],
  }]
