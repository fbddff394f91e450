// All regions in one view, by the conductor's metrics.
local b = import 'board.libsonnet';

b.board('fleet', 'Fleet', [
  [
    b.numbers('Regions', { '': 'count(count by (region) (wave_region:waves_region_behind_seconds:last))' }),
    b.numbers('Failed', { '': 'sum(wave_region_state:waves_region_state:last{state="failed"}) or vector(0)' }, 'short', 1),
    b.numbers('Late', { '': 'sum(wave_region_state:waves_region_state:last{state="late"}) or vector(0)' }, 'short', 1),
    b.numbers('Behind their wave', { '': 'count(wave_region:waves_region_behind_seconds:last > 0) or vector(0)' }, 'short', 1),
  ],
  [
    b.table('State of each region', 'wave_region_state:waves_region_state:last == 1', ['Value', '__name__']),
    b.table('Missing receipts, in seconds', 'wave_region_check:waves_receipt_owed_seconds:last > 0', ['__name__']),
  ],
  [
    b.lines('Behind their wave', { '{{region}}': 'wave_region:waves_region_behind_seconds:last > 0' }, 's'),
    b.lines('Regions by state', { '{{state}}': 'sum by (state) (wave_region_state:waves_region_state:last)' }),
  ],
])
