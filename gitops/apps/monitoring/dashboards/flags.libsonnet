// The effect of a flip: each metric of the front, with marks for flips.
local b = import 'board.libsonnet';

local share(by, code) = 'sum by (' + by + ') (rate(front_requests_total{job="front",code=~"' + code + '"}[5m]))'
                        + ' / on (' + by + ') sum by (' + by + ') (rate(front_requests_total{job="front"}[5m]))';
local quantile = 'histogram_quantile(0.95, sum by (route, le) (rate(front_request_duration_seconds_bucket{job="front"}[5m])))';

b.board('flags', 'Flags and their effects', [
  [
    b.table('Flags', 'max by (flag) (front_flag_enabled{job="front"})', ['__name__']),
    b.numbers('Since the flag service last answered', {
      '{{pod}}': 'time() - front_flags_last_answer_timestamp_seconds{job="front"}',
    }, 's', 300),
  ],
  [
    b.lines('Requests a second', { '{{route}} {{code}}': 'sum by (route, code) (rate(front_requests_total{job="front"}[5m]))' }, 'reqps'),
    b.lines('Share that is refused or fails', { '{{route}}': share('route', '5..') }, 'percentunit'),
  ],
  [
    b.lines('95 of 100 are answered within', { '{{route}}': quantile }, 's'),
    b.lines('Flags over time', { '{{flag}}': 'max by (flag) (front_flag_enabled{job="front"})' }),
  ],
]) + b.marked('Flip', 'max by (flag) (changes(front_flag_enabled{job="front"}[2m])) > 0', '{{flag}}')
