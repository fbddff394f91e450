// The rules of a region: recording rules and alerts, for its applications.
local application = import 'application.libsonnet';
local flags = import 'flags.libsonnet';
local monitoring = import 'monitoring.libsonnet';
local platform = import 'platform.libsonnet';
local rollout = import 'rollout.libsonnet';

function(region)
  local runs(name) = std.member(region.applications, name);
  platform(region) + monitoring(region)
  + (if runs('influxdb') then application(region) else [])
  + (if runs('front') then flags(region) else [])
  + (if runs('conductor') then rollout(region) else [])
