// The rollout, by the conductor's own metrics (waves/rollout/metrics.py), which its region has for the whole fleet.
local alerts = import 'alert.libsonnet';

// Each run of the conductor is a new pod, with a pause between two runs. The last value of ten minutes bridges the pause.
local last(metric, labels) = 'max by (' + labels + ') (last_over_time(' + metric + '[10m]))';
local recorded(metric, labels) = {
  name: std.strReplace(labels, ', ', '_') + ':' + metric + ':last',
  rule: { record: $.name, expr: last(metric, labels) },
};
local age = recorded('waves_wave_target_age_seconds', 'wave');
local waiting = recorded('waves_wave_commits_waiting', 'wave');
local deadline = recorded('waves_wave_deadline_seconds', 'wave');
local paused = recorded('waves_wave_paused', 'wave');
local open = recorded('waves_wave_open', 'wave');
local unlessClosed = ' unless on (wave) ' + open.name + ' == 0';
local behind = recorded('waves_region_behind_seconds', 'wave, region');
local owed = recorded('waves_receipt_owed_seconds', 'wave, region, check');
local state = recorded('waves_region_state', 'wave, region, state');

function(region)
  local alert = alerts(region, 'alerts-rollout');
  [{
    name: 'rollout',
    rules: [metric.rule for metric in [age, waiting, deadline, paused, open, behind, owed, state]] + [
      alert.page(
        'ConductorSilent',
        'absent(max(time() - last_over_time(waves_last_pass_timestamp_seconds[1h])) < 600)',
        '5m',
        'The conductor makes no passes',
        'The conductor has completed no pass for ten minutes. Regions keep their commits, and no commit moves on, not even a fix.',
      ),
      alert.ticket(
        'WaveStuck',
        age.name + ' > on (wave) 2 * ' + deadline.name + ' and on (wave) ' + waiting.name + ' > 0' + unlessClosed,
        '15m',
        'A wave does not take the next commit',
        'Wave {{ $labels.wave }} keeps its commit for more than twice its deadline, and a newer one waits.',
      ),
      alert.ticket(
        'WavePaused',
        paused.name + ' == 1',
        '1d',
        'A wave has been paused for a day',
        'Wave {{ $labels.wave }} takes no commit, not even a security fix. Ask the author of the pause.',
      ),
      alert.ticket(
        'ReceiptMissing',
        owed.name + ' > on (wave) group_left () ' + deadline.name,
        '5m',
        'A region posts no receipt',
        "{{ $labels.region }} owes the receipt {{ $labels.check }} for longer than the deadline of wave {{ $labels.wave }}.",
      ),
      alert.ticket(
        'RegionFailed',
        state.name + '{state="failed"} == 1',
        '15m',
        'A region failed on a commit',
        "{{ $labels.region }} of wave {{ $labels.wave }} failed on its wave's commit, and no newer commit has passed there.",
      ),
      alert.ticket(
        'RegionBehind',
        behind.name + ' > on (wave) group_left () 4 * ' + deadline.name + unlessClosed,
        '15m',
        "A region does not have its wave's commit",
        '{{ $labels.region }} has been behind the commit of wave {{ $labels.wave }} for more than four times the deadline.',
      ),
    ],
  }]
