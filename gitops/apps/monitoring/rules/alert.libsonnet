// One alert, as this project writes them. A page: somebody gets up. A ticket: somebody looks on the next working day.
// The runbook's heading is the alert's name; texts take values from labels alone, so that a test can hold them whole.
// Here and in all rules texts are put together by +: go-jsonnet takes a millisecond for each %, and these are a hundred.
function(region, file) {
  local url = region.repository,
  local web = if std.endsWith(url, '.git') then std.substr(url, 0, std.length(url) - 4) else url,
  local runbooks = web + '/blob/main/docs/runbooks/' + file + '.md#',
  local alert(severity) = function(name, expr, pending, summary, description, labels={}) {
    alert: name,
    expr: expr,
    'for': pending,
    labels: { severity: severity } + labels,
    annotations: {
      summary: summary,
      description: description,
      runbook_url: runbooks + std.asciiLower(name),
    },
  },
  page: alert('critical'),
  ticket: alert('warning'),
  // Fires always: what is wrong is that it stops.
  heartbeat: alert('none'),
}
