// What a region runs: the objects of each of its applications, and the commit that they come from.
local k = import '../lib/k.libsonnet';
local suspend = import '../lib/suspend.libsonnet';
local apps = {
  conductor: import '../apps/conductor/main.jsonnet',
  flipt: import '../apps/flipt/main.jsonnet',
  front: import '../apps/front/main.jsonnet',
  influxdb: import '../apps/influxdb/main.jsonnet',
  monitoring: import '../apps/monitoring/main.jsonnet',
};

// region: what fleet/rendering.py makes of its stack file. repository: where the fleet's code is. revision: the commit.
function(region, repository, revision)
  local facts = region { repository: repository };
  local objects(name) =
    if std.objectHas(apps, name) then [k.app(facts, name).release(revision)] + apps[name](facts, revision)
    else error 'no application is named %s in gitops/region/main.jsonnet; known: %s' % [name, std.join(', ', std.objectFields(apps))];
  local running = std.flattenArrays([objects(name) for name in region.applications]);
  if region.suspended then suspend(running) else running
