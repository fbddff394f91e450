// A region's objects: those of each of its applications, and the commit under deployment.
local k = import '../lib/k.libsonnet';
local suspend = import '../lib/suspend.libsonnet';
local apps = {
  conductor: import '../apps/conductor/main.jsonnet',
  flipt: import '../apps/flipt/main.jsonnet',
  front: import '../apps/front/main.jsonnet',
  influxdb: import '../apps/influxdb/main.jsonnet',
  monitoring: import '../apps/monitoring/main.jsonnet',
};

// region: the arguments that fleet/rendering.py makes from the stack file. repository: the fleet's git repository. revision: the commit.
function(region, repository, revision)
  local settings = region { repository: repository };
  local objects(name) =
    if std.objectHas(apps, name) then [k.app(settings, name).release(revision)] + apps[name](settings, revision)
    else error 'no application is named %s in gitops/region/main.jsonnet. Applications: %s' % [name, std.join(', ', std.objectFields(apps))];
  local running = std.flattenArrays([objects(name) for name in region.applications]);
  if std.get(region, 'suspended', false) then suspend(running) else running
