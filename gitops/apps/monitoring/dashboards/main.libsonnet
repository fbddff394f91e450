// The dashboards of a region, by file name. Fleet and rollout are where the conductor's metrics are.
local flags = import 'flags.libsonnet';
local fleet = import 'fleet.libsonnet';
local region = import 'region.libsonnet';
local rollout = import 'rollout.libsonnet';

function(settings)
  { region: region(settings) }
  + (if std.member(settings.applications, 'front') then { flags: flags } else {})
  + (if std.member(settings.applications, 'conductor') then { fleet: fleet, rollout: rollout } else {})
