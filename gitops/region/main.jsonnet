// What a region runs: the objects of each of its applications, and the commit that they come from.
local sleep = import '../lib/sleep.libsonnet';
local apps = {
  conductor: import '../apps/conductor.libsonnet',
  influxdb: import '../apps/influxdb.libsonnet',
};

function(region, cloud, wave, tenant, storageClass, repository, applications, revision, asleep=false)
  local settings = {
    region: region,
    cloud: cloud,
    wave: wave,
    tenant: tenant,
    storageClass: storageClass,
    repository: repository,
    revision: revision,
  };
  local release(name) = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'release', namespace: name },
    data: { commit: revision, region: region },
  };
  local objects(name) =
    if std.objectHas(apps, name) then apps[name](settings)
    else error 'no application is named %s in gitops/apps; known: %s' % [name, std.join(', ', std.objectFields(apps))];
  local awake = std.flattenArrays([[release(name)] + objects(name) for name in applications]);
  if asleep then sleep(awake) else awake
