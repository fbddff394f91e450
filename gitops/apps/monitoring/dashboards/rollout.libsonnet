// The waves: the age of each wave's commit, the waiting commits, and the conductor's last pass.
local b = import 'board.libsonnet';

local states = 'wave_region_state:waves_region_state:last';

b.board('rollout', 'Rollout', [
  [
    b.numbers('Since the last pass', { '': 'time() - max(last_over_time(waves_last_pass_timestamp_seconds[1h]))' }, 's', 600),
    b.numbers('Proven', { '{{wave}}': 'max by (wave) (last_over_time(waves_wave_proven[10m]))' }),
    b.numbers('Paused', { '{{wave}}': 'wave:waves_wave_paused:last' }, 'short', 1),
    b.numbers('Commits that wait', { '{{wave}}': 'wave:waves_wave_commits_waiting:last' }),
  ],
  [
    b.lines('Age of the commit', { '{{wave}}': 'wave:waves_wave_target_age_seconds:last' }, 's'),
    b.lines('Commits that wait', { '{{wave}}': 'wave:waves_wave_commits_waiting:last' }),
  ],
  [
    b.lines('Regions that passed', { '{{wave}}': 'sum by (wave) (' + states + '{state="passed"})' }),
    b.lines('Regions that did not', { '{{wave}} {{state}}': 'sum by (wave, state) (' + states + '{state!="passed"})' }),
    b.lines('Oldest missing receipt', { '{{wave}}': 'max by (wave) (wave_region_check:waves_receipt_owed_seconds:last)' }, 's'),
  ],
])
