// This project's form of an alert. A page wakes the engineer on call. A ticket waits for the next working day.
// The runbook's heading is the alert's name. Texts take values from labels alone, so that a test can compare the whole text.
// Here and in all rules texts are joined by +: go-jsonnet needs a millisecond for each %, and there are a hundred.
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
  // Fires always. Its end is the problem.
  heartbeat: alert('none'),
}
