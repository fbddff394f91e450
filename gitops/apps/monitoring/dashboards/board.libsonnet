// This project's form of a dashboard: rows of panels that share the width, each with its queries.
local source = { type: 'prometheus', uid: 'prometheus' };
local width = 24;
local height = 8;

local panel(type, title, targets, unit, defaults={}, extra={}) = {
  type: type,
  title: title,
  datasource: source,
  fieldConfig: { defaults: { unit: unit } + defaults, overrides: [] },
  // targets: legend to query.
  targets: [
    local legend = std.objectFields(targets)[i];
    { refId: std.char(65 + i), datasource: source, expr: targets[legend], legendFormat: legend }
    for i in std.range(0, std.length(targets) - 1)
  ],
} + extra;

{
  // Values over time.
  lines(title, targets, unit='short'):: panel('timeseries', title, targets, unit, { min: 0 }),
  // Current values, one number for each series, red from `bad` on.
  numbers(title, targets, unit='short', bad=null):: panel('stat', title, targets, unit, if bad == null then {} else {
    thresholds: { mode: 'absolute', steps: [{ color: 'green', value: null }, { color: 'red', value: bad }] },
  }),
  // Current values, one line for each series.
  table(title, query, hidden=[]):: panel('table', title, { '': query }, 'short', {}, {
    transformations: [{ id: 'organize', options: { excludeByName: { Time: true } + { [name]: true for name in hidden } } }],
  }) + { targets: [each { format: 'table', instant: true } for each in super.targets] },

  // Marks in every panel of a board, wherever a query has a value.
  marked(name, query, title):: {
    annotations: { list: [{ name: name, datasource: source, enable: true, iconColor: 'purple', expr: query, titleFormat: title }] },
  },

  board(uid, title, rows):: {
    uid: uid,
    title: title,
    tags: ['regions'],
    schemaVersion: 39,
    editable: false,
    refresh: '1m',
    time: { from: 'now-6h', to: 'now' },
    panels: [
      rows[y][x] {
        id: y * 100 + x + 1,
        local share = std.floor(width / std.length(rows[y])),
        gridPos: { x: x * share, y: y * height, w: share, h: height },
      }
      for y in std.range(0, std.length(rows) - 1)
      for x in std.range(0, std.length(rows[y]) - 1)
    ],
  },
}
